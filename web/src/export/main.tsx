/** Starts the web app in an exported file. */
import "./place";
import "../main";
