// The mock's part of the filter language of docs/filters.md: comparisons, `in`, `is missing`, and/or/not, parentheses.

const TOKEN = /\s*(?:(\(|\)|,|!=|<=|>=|!~|=|<|>|~)|"((?:[^"\\]|\\.)*)"|([^\s(),=<>!~"]+))/y;

export class FilterError extends Error {
  constructor(position, message) {
    super(message);
    this.position = position;
  }
}

function tokensOf(text) {
  const tokens = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw new FilterError(at, `there is an unfinished text at ${at}: close it with "`);
    const [whole, sign, quoted, word] = match;
    const start = at + whole.length - whole.trimStart().length;
    tokens.push({ sign, word, text: quoted?.replace(/\\(.)/g, "$1") ?? word, start });
  }
  return tokens;
}

const ALIASES = { created: "create_time", tag: "tags" };
const COMPARE = {
  "=": (a, b) => (Array.isArray(a) ? a.includes(b) : a === b),
  "!=": (a, b) => (Array.isArray(a) ? !a.includes(b) : a !== b),
  "<": (a, b) => typeof a === typeof b && a < b,
  "<=": (a, b) => typeof a === typeof b && a <= b,
  ">": (a, b) => typeof a === typeof b && a > b,
  ">=": (a, b) => typeof a === typeof b && a >= b,
  "~": (a, b) => typeof a === "string" && new RegExp(b).test(a),
  "!~": (a, b) => !(typeof a === "string" && new RegExp(b).test(a)),
};

/** @param read gives the value of a column of a run, null where there is none. */
export function compileFilter(text, read) {
  const tokens = tokensOf(text);
  let at = 0;
  const isWord = (word) => tokens[at]?.word === word;
  const fail = (expected) => {
    const position = tokens[at]?.start ?? text.length;
    throw new FilterError(position, `at ${position} the filter has no ${expected}`);
  };
  const take = (sign) => (tokens[at]?.sign === sign ? tokens[at++] : fail(`'${sign}'`));
  const value = () => {
    const token = tokens[at];
    if (!token || token.sign) return fail("value");
    at++;
    if (!token.word) return token.text;
    if (token.word === "true" || token.word === "false") return token.word === "true";
    return Number.isNaN(Number(token.word)) ? token.word : Number(token.word);
  };
  const any = () => {
    const parts = [all()];
    while (isWord("or")) parts.push((at++, all()));
    return (run) => parts.some((part) => part(run));
  };
  const all = () => {
    const parts = [one()];
    while (isWord("and")) parts.push((at++, one()));
    return (run) => parts.every((part) => part(run));
  };
  const one = () => {
    if (isWord("not")) {
      at++;
      const inner = one();
      return (run) => !inner(run);
    }
    if (tokens[at]?.sign === "(") {
      at++;
      const inner = any();
      take(")");
      return inner;
    }
    const name = tokens[at];
    if (!name || name.sign) return fail("name");
    at++;
    const columns = [ALIASES[name.text] ?? name.text, `summary.${name.text}`, `config.${name.text}`];
    const get = (run) => columns.map((column) => read(run, column)).find((found) => found !== null) ?? null;
    if (isWord("is")) {
      at++;
      const isNot = isWord("not") && at++ >= 0;
      if (!isWord("missing")) fail("'missing'");
      at++;
      return (run) => (get(run) === null) !== Boolean(isNot);
    }
    if (isWord("in")) {
      at++;
      take("(");
      const values = [value()];
      while (tokens[at]?.sign === ",") values.push((at++, value()));
      take(")");
      return (run) => values.some((wanted) => COMPARE["="](get(run), wanted));
    }
    const compare = COMPARE[tokens[at]?.sign];
    if (!compare) return fail("comparison (= != < <= > >= ~ !~ in, is missing)");
    at++;
    const wanted = value();
    return (run) => get(run) !== null && compare(get(run), wanted);
  };
  if (tokens.length === 0) return () => true;
  const matches = any();
  if (at < tokens.length) fail("'and' or 'or'");
  return matches;
}
