import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig(
  globalIgnores(["dist", "docs", "src/generated"]),
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      // An assertion is used only where the code beside it shows that the value is there.
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
    },
  },
  {
    files: ["test/**"],
    rules: {
      // `test` and `suite` of node:test return promises that the runner waits for.
      "@typescript-eslint/no-floating-promises": "off",
      // Methods are only compared and set back.
      "@typescript-eslint/unbound-method": "off",
    },
  },
);
