import { OptionDefaults } from "typedoc";

export default {
  entryPoints: ["src/index.ts"],
  out: "docs",
  readme: "none",
  excludeInternal: true,
  excludePrivate: true,
  treatWarningsAsErrors: true,
  treatValidationWarningsAsErrors: true,
  validation: { notExported: true, invalidLink: true, notDocumented: true },
  blockTags: [...OptionDefaults.blockTags, "@generated"],
  disableSources: true, // a clone may have no remote to link to
  logLevel: "Warn",
};
