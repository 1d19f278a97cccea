import { describe, expect, test } from "vitest";
import { type Candidate, chooseSubstitute } from "../../../install/redis-substitutes";

describe("the stand-in for a version", () => {
  const cases: [wanted: string, candidates: [string, Candidate["from"]][], chosen: string | undefined][] = [
    ["5.0.14", [["5.0.6", "pypi"]], "5.0.6 pypi"],
    ["5.0.14", [["7.0.15", "machine"]], undefined],
    [
      "5.0.14",
      [
        ["7.0.15", "machine"],
        ["5.0.6", "pypi"],
      ],
      "5.0.6 pypi",
    ],
    // The same version is no stand-in at all, wherever it is from.
    [
      "6.2.14",
      [
        ["6.2.21", "machine"],
        ["6.2.14", "pypi"],
      ],
      "6.2.14 pypi",
    ],
    // Else the newest of the line: it has the fixes.
    [
      "5.0.14",
      [
        ["5.0.3", "machine"],
        ["5.0.6", "pypi"],
      ],
      "5.0.6 pypi",
    ],
    [
      "5.0.5",
      [
        ["5.0.14", "machine"],
        ["5.0.6", "pypi"],
      ],
      "5.0.14 machine",
    ],
    // Among equals what is here already.
    [
      "5.0.14",
      [
        ["5.0.6", "pypi"],
        ["5.0.6", "machine"],
      ],
      "5.0.6 machine",
    ],
    ["7.0.12", [["7.0.15", "debian"]], "7.0.15 debian"],
    ["7.2.5", [], undefined],
  ];
  test.each(cases)("%s of %j: %s", (wanted, candidates, chosen) => {
    const found = chooseSubstitute(
      wanted,
      candidates.map(([version, from]) => ({ version, from })),
    );
    expect(found === undefined ? undefined : `${found.version} ${found.from}`).toBe(chosen);
  });
});
