import {
  assertContainerId,
  assertIfName,
  assertNetworkName,
  CniError,
  DEFAULT_VERSION,
  ErrorCode,
  field,
  firstVersionOf,
  isAtLeast,
  isObject,
  isSupportedVersion,
  NEWEST_VERSION,
  parseResult,
  shown,
  SUPPORTED_VERSIONS,
  type AddResult,
  type Attachment,
  type CniVersion,
  type Verb,
} from '@flatnet/cni';

type Json = Readonly<Record<string, unknown>>;

/**
 * The configuration's version, absent = 0.1.0. DEL takes any, since a newer flatnet may have made what has to go.
 *
 * @throws CniError code 1 when it, or the verb in it, is not supported.
 */
export function versionOf(json: Json, verb: Verb): CniVersion {
  const given = field(json, 'cniVersion');
  const version = given === undefined || given === '' ? DEFAULT_VERSION : given;
  if (typeof version !== 'string' || !isSupportedVersion(version)) {
    if (verb === 'DEL') return NEWEST_VERSION;
    throw new CniError(
      ErrorCode.incompatibleVersion,
      'incompatible CNI versions',
      `config is ${shown(version)}, plugin supports [${SUPPORTED_VERSIONS.join(' ')}]`,
    );
  }
  const first = firstVersionOf(verb);
  if (isAtLeast(version, first)) return version;
  throw new CniError(
    ErrorCode.incompatibleVersion,
    `config version ${version} does not allow ${verb}`,
    `${verb} exists since cniVersion ${first}; raise the configuration's cniVersion`,
  );
}

/** The network's name. @throws CniError code 7. */
export function networkOf(json: Json): string {
  const name = field(json, 'name');
  assertNetworkName(name);
  return name;
}

/** `prevResult` in the newest shape, for ADD and CHECK: DEL works without. @throws CniError code 7. */
export async function prevResultOf(json: Json, version: CniVersion): Promise<AddResult | undefined> {
  const raw = field(json, 'prevResult');
  return raw === undefined ? undefined : parseResult(raw, version, 'prevResult');
}

/**
 * `cni.dev/valid-attachments` (spec, "GC"). Absent and null are the same: libcni leaves the key out when it has no list. The whole
 * list is validated before the first release.
 *
 * @throws CniError code 7.
 */
export function validAttachmentsOf(json: Json): readonly Attachment[] | undefined {
  const key = 'cni.dev/valid-attachments';
  const raw = field(json, key);
  if (raw === undefined) return undefined;
  if (!Array.isArray(raw)) throw new CniError(ErrorCode.invalidConfig, `invalid ${key}`, `${shown(raw)} is not a list`);
  return raw.map((entry: unknown, index) => {
    const nameAt = (name: string): string => {
      const value = isObject(entry) ? field(entry, name) : undefined;
      if (typeof value === 'string') return value;
      throw new CniError(
        ErrorCode.invalidConfig,
        `invalid ${key}`,
        `[${index}].${name} is ${shown(value)}: expected a string`,
      );
    };
    const attachment = { containerId: nameAt('containerID'), ifName: nameAt('ifname') };
    try {
      assertContainerId(attachment.containerId);
      assertIfName(attachment.ifName);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new CniError(ErrorCode.invalidConfig, `invalid ${key}`, `[${index}]: ${why}`);
    }
    return attachment;
  });
}
