// A value as TOML, to be read.

import { plain } from "../../../shared/words";

const isTable = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

function one(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(one).join(", ")}]`;
  if (isTable(value)) return `{ ${Object.entries(value).map(([name, inner]) => `${plain(name)} = ${one(inner)}`).join(", ")} }`;
  return typeof value === "string" ? JSON.stringify(plain(value)) : String(value);
}

/** Tables as sections; what is not set is said in a comment. */
export function toml(table: Record<string, unknown>, path = ""): string {
  const lines: string[] = [];
  const inner: string[] = [];
  for (const [name, value] of Object.entries(table)) {
    if (isTable(value)) {
      const full = path ? `${path}.${plain(name)}` : plain(name);
      inner.push(`${path || lines.length > 0 || inner.length > 0 ? "\n" : ""}[${full}]\n${toml(value, full)}`);
    } else if (value === null) lines.push(`# ${plain(name)} is not set`);
    else lines.push(`${plain(name)} = ${one(value)}`);
  }
  return [...lines, ...inner].join("\n");
}
