import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";

/**
 * Layout of a ciphertext: 4 bytes mark, 12 bytes nonce, the AES-256-GCM output of the padded plaintext, 16 bytes tag.
 * The padding makes the whole a multiple of 16 bytes: the official CLI takes exactly such base64 for ciphertext and
 * sends it back with `already_encrypted`, anything else for plaintext.
 */
const mark = Buffer.from("TWM1", "latin1");
const block = 16;

/** Thrown when a ciphertext was not written under this key and purpose, or was changed since. */
export class CipherError extends Error {
  override readonly name = "CipherError";
}

function keyBytes(key: string): Buffer {
  return createHash("sha256").update("towermill workspace key v1\0").update(key).digest();
}

/**
 * Encrypts a text under a workspace key (any string) to base64. `purpose` is authenticated with it, so that a value of
 * one purpose never decrypts as another.
 */
export function seal(text: string, key: string, purpose: string): string {
  const plain = Buffer.from(text, "utf8");
  const padding = block - (plain.length % block);
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", keyBytes(key), nonce).setAAD(Buffer.from(purpose));
  const body = Buffer.concat([cipher.update(plain), cipher.update(Buffer.alloc(padding, padding)), cipher.final()]);
  return Buffer.concat([mark, nonce, body, cipher.getAuthTag()]).toString("base64");
}

/** Reads what {@link seal} wrote, or a value Windmill encrypted under the same key. @throws CipherError */
export function unseal(ciphertext: string, key: string, purpose: string): string {
  const bytes = Buffer.from(ciphertext, "base64");
  try {
    const own = bytes.subarray(0, mark.length).equals(mark) && bytes.length >= 3 * block;
    return own ? openOwn(bytes, key, purpose) : openImported(bytes, key);
  } catch {
    throw new CipherError(
      "this value cannot be decrypted with the key of the workspace: set it again, or restore the key it was written with",
    );
  }
}

function openOwn(bytes: Buffer, key: string, purpose: string): string {
  const decipher = createDecipheriv("aes-256-gcm", keyBytes(key), bytes.subarray(4, block), { authTagLength: block });
  decipher.setAAD(Buffer.from(purpose)).setAuthTag(bytes.subarray(-block));
  const padded = Buffer.concat([decipher.update(bytes.subarray(block, -block)), decipher.final()]);
  return padded.subarray(0, padded.length - (padded.at(-1) ?? 0)).toString("utf8");
}

/** The "magic crypt" scheme, which Windmill writes: AES-256-CBC, key = SHA-256 of the key text, zero IV, PKCS#7. */
function openImported(bytes: Buffer, key: string): string {
  const decipher = createDecipheriv("aes-256-cbc", createHash("sha256").update(key).digest(), Buffer.alloc(block));
  const plain = Buffer.concat([decipher.update(bytes), decipher.final()]);
  return new TextDecoder("utf-8", { fatal: true }).decode(plain);
}

/** Encrypts a workspace key with the 32-byte instance key: 12 bytes nonce, ciphertext, 16 bytes tag. */
export function wrapKey(key: string, instanceKey: Buffer): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", instanceKey, nonce).setAAD(Buffer.from("towermill workspace key"));
  return Buffer.concat([nonce, cipher.update(key, "utf8"), cipher.final(), cipher.getAuthTag()]);
}

/** @throws CipherError when the instance key is not the one the workspace key was wrapped with */
export function unwrapKey(wrapped: Buffer, instanceKey: Buffer): string {
  try {
    const decipher = createDecipheriv("aes-256-gcm", instanceKey, wrapped.subarray(0, 12), { authTagLength: block });
    decipher.setAAD(Buffer.from("towermill workspace key")).setAuthTag(wrapped.subarray(-block));
    return Buffer.concat([decipher.update(wrapped.subarray(12, -block)), decipher.final()]).toString("utf8");
  } catch {
    throw new CipherError(
      "the instance key is not the one this database's secrets were written with: start with the original key",
    );
  }
}
