import { describe, expect, test } from "vitest";
import { type Json, substitute } from "../src/plot/preset";
import { distinctNames, rowObjects, usedColumns } from "../src/plot/rows";

const make = (specification: Json, fields: Record<string, string> = {}, strings: Record<string, string> = {}) =>
  substitute(specification, { fields, strings, columns: ["loss", "a.b[0]"] });

describe("placeholders of a preset", () => {
  test("become columns and texts, as whole texts and within others", () => {
    const made = make(
      { title: "${string:title} of ${field:y}", encoding: { y: { field: "${field:y}" } } },
      { y: "loss" },
      { title: "Curve" },
    );
    expect(made).toEqual({ title: "Curve of loss", encoding: { y: { field: "loss" } } });
  });

  test("take their default, which may be empty or hold colons", () => {
    expect(make({ a: "${string:x:}", b: "${string:x:at 10:30}" })).toEqual({ a: "", b: "at 10:30" });
    expect(make("${string:x:old}", {}, { x: "new" })).toBe("new");
  });

  test("are the column of their own name where the record maps none", () => {
    expect(make({ field: "${field:loss}" })).toEqual({ field: "loss" });
  });

  test("that are missing are all named", () => {
    expect(() => make({ a: "${field:nowhere}", b: ["${string:nothing}"] })).toThrow(
      "field 'nowhere', string 'nothing'",
    );
    // Names of an object's own machinery are no columns.
    expect(() => make("${field:constructor}")).toThrow("field 'constructor'");
  });

  test("write a name as the place asks: a path, a quoted member, a label", () => {
    const made = make(
      {
        field: "${field:y}",
        groupby: ["${field:y}"],
        title: "${field:y}",
        as: "${field:y}",
        calculate: "datum['${field:y}'] + datum.${field:y}",
      },
      { y: "it's a.b[0]" },
    );
    expect(made).toEqual({
      field: "it\\'s a\\.b\\[0\\]",
      groupby: ["it\\'s a\\.b\\[0\\]"],
      title: "it's a.b[0]",
      as: "it's a.b[0]",
      calculate: "datum['it\\'s a.b[0]'] + datum[\"it\\'s a.b[0]\"]",
    });
  });

  test("cannot break out of an expression's quotes", () => {
    const made = make({ filter: "datum['${field:y}'] > 0" }, { y: "\\'] || alert(1) || datum['" });
    expect(made).toEqual({ filter: "datum['\\\\\\'] || alert(1) || datum[\\''] > 0" });
  });

  test("for a field that may be missing leave out what is drawn by it", () => {
    const preset = {
      color: { field: "${field:class:}", title: "${field:class:}" },
      tooltip: [{ field: "${field:class:}" }, { field: "loss" }],
    };
    expect(make(preset)).toEqual({ tooltip: [{ field: "loss" }] });
    expect(make(preset, { class: "run" })).toEqual({
      color: { field: "run", title: "run" },
      tooltip: [{ field: "run" }, { field: "loss" }],
    });
  });

  test("leave numbers, truth values and nulls as they are", () => {
    expect(make({ a: 1, b: true, c: null })).toEqual({ a: 1, b: true, c: null });
  });
});

describe("rows for a chart", () => {
  const columns = [
    { name: "loss", type: "number" as const },
    { name: "loss", type: "text" as const },
    { name: "__proto__", type: "integer" as const },
  ];

  test("are objects whose names differ, without numbers that have no place", () => {
    const names = distinctNames(columns);
    expect(names).toEqual(["loss", "loss (2)", "__proto__"]);
    const { rows, oddCount } = rowObjects(columns, names, [
      [1.5, "a", 7],
      ["NaN", "NaN", "Infinity"],
    ]);
    expect(Object.entries(rows[0])).toEqual([
      ["loss", 1.5],
      ["loss (2)", "a"],
      ["__proto__", 7],
    ]);
    expect(rows[1].loss).toBeNull();
    expect(rows[1]["loss (2)"]).toBe("NaN");
    expect(oddCount).toBe(2);
    expect(({} as Record<string, unknown>).loss).toBeUndefined();
  });

  test("hold the columns that a specification names, in any of its spellings, and no records", () => {
    const table = [
      { name: "it's.x", type: "number" as const },
      { name: "other", type: "number" as const },
      { name: "image", type: "record" as const },
    ];
    for (const text of ["it's.x", "it\\'s\\.x", "datum['it\\'s.x']"]) {
      expect(usedColumns(table, { any: [text, "image"] })).toEqual([0]);
    }
  });
});
