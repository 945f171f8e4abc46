import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { UsageError, ValueError } from "../src/errors.js";
import { checkKey, flatten, toValue } from "../src/values.js";

suite("toValue", () => {
  const kinds: [unknown, string, unknown][] = [
    [1, "doubleValue", 1],
    [NaN, "doubleValue", NaN],
    [2n ** 63n - 1n, "intValue", 2n ** 63n - 1n],
    [true, "boolValue", true],
    ["текст 🌍", "stringValue", "текст 🌍"],
    ["\ud800", "stringValue", "\ufffd"],
    [null, "jsonValue", "null"],
    [[], "jsonValue", "[]"],
    [[1, 2.5, -0, 1e21, 2 ** 60, 3n], "jsonValue", "[1,2.5,-0.0,1e+21,1152921504606847000.0,3]"],
    [[NaN, Infinity, -Infinity], "jsonValue", "[NaN,Infinity,-Infinity]"],
    [[{ a: [null, "x"] }, new Map([["b", true]])], "jsonValue", '[{"a":[null,"x"]},{"b":true}]'],
    [new Float32Array([0.5, 1]), "jsonValue", "[0.5,1]"],
    [new BigInt64Array([1n]), "jsonValue", "[1]"],
    [new Set(["a"]), "jsonValue", '["a"]'],
    [new Date(0), "stringValue", "1970-01-01T00:00:00.000Z"],
    [[new Date(0)], "jsonValue", '["1970-01-01T00:00:00.000Z"]'],
    [new URL("http://a/"), "jsonValue", '"http://a/"'],
  ];
  for (const [given, kind, value] of kinds) {
    test(`${kind} ${String(value)}`, () => assert.deepEqual(toValue("k", given), { case: kind, value }));
  }

  test("integers of a config", () => {
    assert.deepEqual(toValue("k", 3, true), { case: "intValue", value: 3n });
    assert.deepEqual(toValue("k", 3.5, true), { case: "doubleValue", value: 3.5 });
    assert.deepEqual(toValue("k", -0, true), { case: "doubleValue", value: -0 });
    assert.deepEqual(toValue("k", 2 ** 53, true), { case: "doubleValue", value: 2 ** 53 });
  });

  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  const wrong = [
    undefined,
    () => 1,
    Symbol("s"),
    2n ** 63n,
    [undefined],
    [2n ** 70n],
    new Date(NaN),
    Promise.resolve(),
    /x/,
    cyclic,
    "x".repeat(2 ** 20 + 1),
    ["é".repeat(2 ** 19)],
    new Float64Array(2 ** 20),
  ];
  for (const [index, given] of wrong.entries()) {
    test(`what cannot be, ${index}: ${typeof given}`, () => {
      assert.throws(
        () => toValue("the_key", given),
        (error) => error instanceof ValueError && /the_key/.test(error.message),
      );
    });
  }

  test("JSON of a list reads back as it was", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (list) => {
        const value = toValue("k", list);
        assert.ok(value.case === "jsonValue");
        assert.deepEqual(JSON.parse(value.value), list);
      }),
    );
  });
});

suite("checkKey", () => {
  for (const key of ["", "x".repeat(513), "é".repeat(257), "_system/cpu", "_console/x", "\ud800"]) {
    test(`refuses ${JSON.stringify(key.slice(0, 20))}`, () => assert.throws(() => checkKey(key), ValueError));
  }
  for (const key of ["x".repeat(512), "é".repeat(256), "ключ/метрика", "a.b", "_x"]) {
    test(`takes ${JSON.stringify(key.slice(0, 20))}`, () => checkKey(key));
  }
});

suite("flatten", () => {
  test("dotted names, Maps too, in their order", () => {
    const leaves: [string, unknown][] = [];
    const problems: Error[] = [];
    const data = { a: { b: 1, c: new Map([["d", [2]]]) }, e: {}, f: null };
    flatten(Object.entries(data), problems, (key, value) => leaves.push([key, value]));
    assert.deepEqual(leaves, [
      ["a.b", 1],
      ["a.c.d", [2]],
      ["f", null],
    ]);
    assert.deepEqual(problems, []);
  });

  test("a cycle and a key that is no text are problems, and the rest is told", () => {
    const cycle: Record<string, unknown> = { ok: 1 };
    cycle["self"] = cycle;
    let count = 0;
    const problems: Error[] = [];
    flatten([...Object.entries(cycle), [1, 2]], problems, () => count++);
    assert.equal(problems.length, 2);
    assert.ok(count >= 1);
    assert.ok(problems.every((each) => each instanceof ValueError && !(each instanceof UsageError)));
  });
});
