import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/** Certificate is a self-signed certificate and its private key, both PEM. */
export interface Certificate {
  certificate: string;
  key: string;
}

const VALID_DAYS = 365;
const SEQUENCE = 0x30;
const SET = 0x31;
const ECDSA_WITH_SHA256 = '06082a8648ce3d040302';
const COMMON_NAME = '0603550403';
const BASIC_CONSTRAINTS = '0603551d13';
const SUBJECT_ALTERNATIVE_NAME = '0603551d11';

/**
 * selfSigned makes a certificate for 127.0.0.1, another IPv4 address, and the API server's names in
 * a cluster. It serves, is the authority to trust, and proves a client: so a port of the cluster
 * serves nobody who cannot read the cluster's folder. (Node makes no certificates, and openssl may
 * be absent.)
 */
export function selfSigned(name: string, address?: string): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signed = sequence(
    der(0xa0, hex('020102')),
    der(0x02, Buffer.concat([Buffer.from([0x01]), randomBytes(15)])),
    sequence(hex(ECDSA_WITH_SHA256)),
    distinguishedName(name),
    validity(),
    distinguishedName(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(certificateAuthority(), alternativeNames(address))),
  );
  const signature = sign('sha256', signed, privateKey);
  const certificate = sequence(
    signed,
    sequence(hex(ECDSA_WITH_SHA256)),
    der(0x03, Buffer.from([0]), signature),
  );
  return {
    certificate: pem(certificate),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function distinguishedName(name: string): Buffer {
  return sequence(der(SET, sequence(hex(COMMON_NAME), der(0x0c, Buffer.from(name)))));
}

function validity(): Buffer {
  // A day of grace for clocks that differ, and for tests that set them back.
  const from = Date.now() - 24 * 60 * 60 * 1000;
  return sequence(time(from), time(from + VALID_DAYS * 24 * 60 * 60 * 1000));
}

function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/\.\d+|[-:T]/g, '');
  return der(0x17, Buffer.from(digits.slice(2)));
}

function certificateAuthority(): Buffer {
  return sequence(hex(BASIC_CONSTRAINTS), hex('0101ff'), der(0x04, sequence(hex('0101ff'))));
}

function alternativeNames(address?: string): Buffer {
  const names = ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
  const loopback6 = Buffer.alloc(16);
  loopback6[15] = 1;
  const entries = [
    ...names.map((name) => der(0x82, Buffer.from(name))),
    ...['127.0.0.1', ...(address === undefined ? [] : [address])].map((ip) =>
      der(0x87, Buffer.from(ip.split('.').map(Number))),
    ),
    der(0x87, loopback6),
  ];
  return sequence(hex(SUBJECT_ALTERNATIVE_NAME), der(0x04, sequence(...entries)));
}

function sequence(...parts: Buffer[]): Buffer {
  return der(SEQUENCE, ...parts);
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length = body.length;
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), body]);
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
