/** Nested values as dotted names, for tables. */
export function flatten(value: Record<string, unknown>, prefix = ""): [string, unknown][] {
  return Object.entries(value).flatMap(([key, inner]) => {
    const name = prefix + key;
    const isNested =
      typeof inner === "object" && inner !== null && !Array.isArray(inner) && Object.keys(inner).length > 0;
    return isNested ? flatten(inner as Record<string, unknown>, `${name}.`) : [[name, inner] as [string, unknown]];
  });
}
