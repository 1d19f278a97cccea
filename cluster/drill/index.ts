export { drill } from "./drill";
export { DEFAULT_RATE_PER_SECOND } from "./stage";
export { timelineSvg } from "./timeline-svg";
export * from "./types";
