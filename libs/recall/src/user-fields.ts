import { MicError } from '@mic/domain';
import { compileFields, encodeRowStrict, layoutOf, type FeatureSchema, type RawRow } from '@mic/features';

/** Fields that a request gives of its user, encoded. */
export interface GivenFields {
  readonly names: readonly string[];
  /** As the user tower takes a profile; what is not named is missing. */
  readonly encoded: Int32Array;
}

/** Puts fields that a request gives of its user in the places of those that are stored. */
export class UserFields {
  readonly #encoders: ReturnType<typeof compileFields>;
  readonly #places: ReadonlyMap<string, { readonly offset: number; readonly width: number }>;
  readonly #width: number;

  constructor({ userFields }: Pick<FeatureSchema, 'userFields'>) {
    this.#encoders = compileFields(userFields);
    const { places, width } = layoutOf(userFields);
    this.#places = new Map(places.map((place) => [place.name, place]));
    this.#width = width;
  }

  /** @throws MicError INVALID_ARGUMENT for a field that the release does not have. */
  encode(given: RawRow): GivenFields {
    const encoded = new Int32Array(this.#width);
    try {
      encodeRowStrict(this.#encoders, given, encoded, 0);
    } catch (error) {
      if (!(error instanceof MicError)) throw error;
      const subject = `user_fields[${JSON.stringify(error.subject)}]`;
      throw new MicError(error.code, `user_fields: ${error.message}`, { subject, remedy: error.remedy });
    }
    return { names: Object.keys(given), encoded };
  }

  /**
   * The profile as the user tower takes it.
   *
   * @param stored null: every field is missing.
   */
  over(stored: Int32Array | null, { names, encoded }: GivenFields): Int32Array {
    const profile = stored?.slice() ?? new Int32Array(this.#width);
    for (const name of names) {
      const { offset, width } = this.#places.get(name)!;
      profile.set(encoded.subarray(offset, offset + width), offset);
    }
    return profile;
  }
}
