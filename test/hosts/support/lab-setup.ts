/** Global setup of the tier: the image is made before the first test's clock runs. */
import { baseImage, whyNoLab } from "./lab";

export default async function setup(): Promise<void> {
  if (whyNoLab() === undefined) await baseImage((line) => console.log(line));
}
