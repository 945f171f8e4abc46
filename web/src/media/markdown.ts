/**
 * Markdown of a run as HTML that is safe to put into the page.
 *
 * HTML within it is shown as the text it is. Nothing is loaded from elsewhere: an image becomes a link to it. Links lead to web and
 * mail addresses only and open elsewhere.
 */
import createPurifier from "dompurify";
import { Marked } from "marked";

const TAGS = [
  ..."h1 h2 h3 h4 h5 h6 p br hr a em strong del code pre blockquote ul ol li input table thead tbody tr th td".split(
    " ",
  ),
];
const ATTRIBUTES = ["href", "title", "align", "start", "type", "checked", "disabled"];

const escapeHtml = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");

const marked = new Marked({
  gfm: true,
  renderer: {
    html: (token) => (token.block ? `<p>${escapeHtml(token.text)}</p>` : escapeHtml(token.text)),
    image: ({ href, text }) => `<a href="${escapeHtml(href)}">${escapeHtml(text || href)}</a>`,
  },
});

// An instance of its own: the hook below is nobody else's.
const purifier = createPurifier(window);
purifier.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName !== "A") return;
  node.setAttribute("target", "_blank");
  node.setAttribute("rel", "noopener noreferrer");
});

export const renderMarkdown = (text: string): string =>
  purifier.sanitize(marked.parse(text, { async: false }), {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    // The others are no addresses: the expression below is not for them.
    ADD_URI_SAFE_ATTR: ATTRIBUTES.filter((name) => name !== "href"),
    ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
  });
