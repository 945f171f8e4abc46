/** The icons of players. */
import { Icon } from "../ui/icons";

export const PlayIcon = () => (
  <Icon>
    <path d="M5 3.5v9l7-4.5z" />
  </Icon>
);
