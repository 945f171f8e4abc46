/** Which theme the page has, to be chosen. */
import { Choice } from "./Choice";
import { chooseTheme, type ThemeChoice, useThemeChoice } from "./theme";

const OPTIONS: readonly { value: ThemeChoice; words: string }[] = [
  { value: null, words: "System" },
  { value: "light", words: "Light" },
  { value: "dark", words: "Dark" },
];

export function ThemeChoices() {
  return <Choice label="Theme" options={OPTIONS} chosen={useThemeChoice()} choose={chooseTheme} />;
}
