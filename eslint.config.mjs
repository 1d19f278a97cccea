// What needs types and what Biome does not have: promises that nobody awaits, Outputs used as text, switches with a hole.
// Everything else is Biome's (biome.json); `npm run lint` runs both.
import { defineConfig } from "eslint/config";
import { parser, plugin } from "typescript-eslint";

export default defineConfig(
  { ignores: ["dist/", "coverage/", "examples/"] },
  {
    files: ["**/*.ts", "**/*.mts"],
    plugins: { "@typescript-eslint": plugin },
    languageOptions: {
      parser,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "@typescript-eslint/await-thenable": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      // A Pulumi Output in a template is the text "Calling [toString] on an [Output<T>] is not supported", and not what it holds.
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        {
          allowNumber: true,
          allowBoolean: true,
          allowNullish: true,
          allow: [{ name: "Error", from: "lib" }],
        },
      ],
      "@typescript-eslint/restrict-plus-operands": ["error", { allowNumberAndString: true }],
      "@typescript-eslint/no-base-to-string": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
    },
  },
);
