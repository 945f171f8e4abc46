/**
 * Keeps a fault of one part of the page from taking the rest with it: words stand in its place.
 *
 * The part may also be one that could not be loaded, for example as the daemon is of another version since the page was opened.
 */
import { Component, type ReactNode } from "react";

interface BoundaryProps {
  /** What stands in place of the part; the error's own words are for those who report it. */
  instead: (error: Error) => ReactNode;
  /** Once it is another one, the part is tried again. */
  tried?: unknown;
  children: ReactNode;
}

export class Boundary extends Component<BoundaryProps, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: unknown): { error: Error } {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override componentDidUpdate(before: BoundaryProps): void {
    if (this.state.error && before.tried !== this.props.tried) this.setState({ error: null });
  }

  override render(): ReactNode {
    return this.state.error ? this.props.instead(this.state.error) : this.props.children;
  }
}
