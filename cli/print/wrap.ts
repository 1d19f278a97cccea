/** Long sentences in a narrow terminal. */

/** Breaks at spaces so that no line is longer than `columns` (words that are longer stay whole); later lines get `indent`. */
export function wrap(text: string, columns: number, indent = ""): string {
  return text
    .split("\n")
    .map((line) => wrapLine(line, columns, indent))
    .join("\n");
}

function wrapLine(line: string, columns: number, indent: string): string {
  const lead = /^ */.exec(line)?.[0] ?? "";
  const lines: string[] = [];
  let current = lead;
  let isEmpty = true;
  for (const word of line.slice(lead.length).split(" ")) {
    const longer = isEmpty ? current + word : `${current} ${word}`;
    if (isEmpty || longer.length <= columns) current = longer;
    else {
      lines.push(current);
      current = indent + word;
    }
    isEmpty = false;
  }
  return [...lines, current].join("\n");
}
