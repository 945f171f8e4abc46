/** The version of this client, of the package and of the contract that it was made with. */
export const VERSION = "0.1.0";
