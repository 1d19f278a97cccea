// Lets `node --require ./scripts/ts.cjs file.ts` (and `require("./file")` of a .ts file) run TypeScript, through tsx.
//
// tsx looks into every .js file that is loaded, the 1,000 of @pulumi/pulumi included: 0.34 s more per process, measured.
// Only our own files are TypeScript, so packages keep Node's own loader (0.07 s more remain), which also lets
// NODE_COMPILE_CACHE work for them.
const Module = require("node:module");
const path = require("node:path");

const packages = `${path.sep}node_modules${path.sep}`;
const loadJs = Module._extensions[".js"];
const resolve = Module._resolveFilename;
require("tsx/cjs");
const resolveTs = Module._resolveFilename;

// tsx has source maps read, of all that is loaded: those of packages cost 0.04 s of 0.64 more per process, measured, and only ours are of use.
// Node 22.14 and later can tell them apart.
Module.setSourceMapsSupport?.(true, { nodeModules: false, generatedCode: false });

Module._extensions[".js"] = loadJs;
Module._resolveFilename = function resolveFilename(request, parent, ...rest) {
  const isOurs = typeof parent?.filename !== "string" || !parent.filename.includes(packages);
  const isFile = request.startsWith(".") || path.isAbsolute(request);
  return (isOurs && isFile ? resolveTs : resolve).call(this, request, parent, ...rest);
};
