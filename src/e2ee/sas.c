/* SPDX-License-Identifier: MIT */
/* The arithmetic of SAS verification. */

#include "e2ee/sas.h"

#include "codec/binary-text.h"
#include "crypto/x25519.h"
#include "e2ee/message-check.h"

/* Matrix specification, data-definitions/sas-emoji.json. */
static const SasEmoji emojis[64] = {
        { "🐶", "Dog" },          { "🐱", "Cat" },
        { "🦁", "Lion" },      { "🐎", "Horse" },
        { "🦄", "Unicorn" },   { "🐷", "Pig" },
        { "🐘", "Elephant" },     { "🐰", "Rabbit" },
        { "🐼", "Panda" },        { "🐓", "Rooster" },
        { "🐧", "Penguin" },      { "🐢", "Turtle" },
        { "🐟", "Fish" },         { "🐙", "Octopus" },
        { "🦋", "Butterfly" }, { "🌷", "Flower" },
        { "🌳", "Tree" },         { "🌵", "Cactus" },
        { "🍄", "Mushroom" },     { "🌏", "Globe" },
        { "🌙", "Moon" },         { "☁️", "Cloud" },
        { "🔥", "Fire" },         { "🍌", "Banana" },
        { "🍎", "Apple" },        { "🍓", "Strawberry" },
        { "🌽", "Corn" },         { "🍕", "Pizza" },
        { "🎂", "Cake" },         { "❤️", "Heart" },
        { "😀", "Smiley" },       { "🤖", "Robot" },
        { "🎩", "Hat" },          { "👓", "Glasses" },
        { "🔧", "Spanner" },      { "🎅", "Santa" },
        { "👍", "Thumbs Up" },    { "☂️", "Umbrella" },
        { "⌛", "Hourglass" },    { "⏰", "Clock" },
        { "🎁", "Gift" },         { "💡", "Light Bulb" },
        { "📕", "Book" },         { "✏️", "Pencil" },
        { "📎", "Paperclip" },    { "✂️", "Scissors" },
        { "🔒", "Lock" },         { "🔑", "Key" },
        { "🔨", "Hammer" },       { "☎️", "Telephone" },
        { "🏁", "Flag" },         { "🚂", "Train" },
        { "🚲", "Bicycle" },      { "✈️", "Aeroplane" },
        { "🚀", "Rocket" },       { "🏆", "Trophy" },
        { "⚽", "Ball" },         { "🎸", "Guitar" },
        { "🎺", "Trumpet" },      { "🔔", "Bell" },
        { "⚓", "Anchor" },       { "🎧", "Headphones" },
        { "📁", "Folder" },       { "📌", "Pin" },
};

int sas_generate(Secret **ret_secret, char ret_public[static CURVE25519_TEXT_SIZE])
{
        uint8_t public[X25519_SIZE];

        int r = x25519_generate(ret_secret, public);
        if (r < 0)
                return r;

        base64_unpadded_format(BYTES_OF(public), ret_public);
        return 0;
}

int sas_agree(const Secret *secret, const char *their_public, Secret **ret_shared)
{
        uint8_t public[X25519_SIZE];

        int r = base64_decode_exact(their_public, public, sizeof public);
        return r < 0 ? r : x25519_agree(secret, public, ret_shared);
}

void sas_bytes(const Secret *shared, const char *info, uint8_t ret_bytes[static SAS_SIZE])
{
        hkdf_sha256(secret_bytes(shared), bytes_of_string(info), ret_bytes, SAS_SIZE);
}

void sas_mac(const Secret *shared, const char *text, const char *info,
             char ret_mac[static CURVE25519_TEXT_SIZE])
{
        uint8_t key[SHA256_SIZE];
        Sha256 mac;

        hkdf_sha256(secret_bytes(shared), bytes_of_string(info), key, sizeof key);
        hmac_sha256(BYTES_OF(key), bytes_of_string(text), &mac);
        base64_unpadded_format(BYTES_OF(mac.bytes), ret_mac);
        explicit_bzero(key, sizeof key);
}

void sas_commitment(const char *public, const char *start, char ret_commitment[static CURVE25519_TEXT_SIZE])
{
        Sha256 digest;

        sha256_of_parts((Bytes[]){ bytes_of_string(public), bytes_of_string(start) }, 2, &digest);
        base64_unpadded_format(BYTES_OF(digest.bytes), ret_commitment);
}

/* The bytes as one number of 48 bits, from which groups of bits are taken from the top. */
static uint64_t bits(const uint8_t bytes[static SAS_SIZE], unsigned first, unsigned count)
{
        uint64_t number = 0;

        for (size_t i = 0; i < SAS_SIZE; i++)
                number = number << 8 | bytes[i];
        return number >> (8 * SAS_SIZE - first - count) & ((UINT64_C(1) << count) - 1);
}

void sas_emojis(const uint8_t bytes[static SAS_SIZE], const SasEmoji *ret_emojis[static SAS_EMOJIS])
{
        for (unsigned i = 0; i < SAS_EMOJIS; i++)
                ret_emojis[i] = &emojis[bits(bytes, 6 * i, 6)];
}

void sas_decimals(const uint8_t bytes[static SAS_SIZE], unsigned ret_decimals[static SAS_DECIMALS])
{
        for (unsigned i = 0; i < SAS_DECIMALS; i++)
                ret_decimals[i] = (unsigned) bits(bytes, 13 * i, 13) + 1000;
}
