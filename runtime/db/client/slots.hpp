// Where a key lies in a Redis Cluster, and how a shard's models are called. Private to the library and the supervisor.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace inferstep::client {

constexpr unsigned kSlots = 16384;

// CRC16 as Redis Cluster has it (XMODEM: polynomial 0x1021, from 0).
inline unsigned crc16(std::string_view text) {
    unsigned crc = 0;
    for (const char c : text) {
        crc ^= static_cast<unsigned>(static_cast<unsigned char>(c)) << 8U;
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc & 0x8000U) != 0 ? (crc << 1U) ^ 0x1021U : crc << 1U;
        }
        crc &= 0xffffU;
    }
    return crc;
}

// The slot of a key: of what stands between its first '{' and the next '}', unless that is empty or not there.
inline unsigned slot_of(std::string_view key) {
    const std::size_t open = key.find('{');
    const std::size_t close = open == std::string_view::npos ? open : key.find('}', open + 1);
    const bool tagged = close != std::string_view::npos && close > open + 1;
    return crc16(tagged ? key.substr(open + 1, close - open - 1) : key) % kSlots;
}

// The tag that SmartRedis gives a shard by its lowest slot: two or three bytes, printable or not, whose CRC16 is that
// slot. Models and scripts lie on every shard, there as "{tag}.name".
//
// A CRC is a remainder: the multiples of the polynomial that clear the low bits of `slot` leave above them the text.
// One with a brace cannot be a tag; a further multiple gives another text.
inline std::string shard_tag(unsigned slot) {
    constexpr std::uint64_t kPolynomial = 0x11021;
    std::uint64_t value = slot;
    for (unsigned shift = 0; shift < 25; ++shift) {
        value ^= (value >> shift & 1U) != 0 ? kPolynomial << shift : 0;
        if (shift < 15) {
            continue;
        }
        std::string tag;
        for (unsigned bytes = (shift + 8) / 8; bytes > 0; --bytes) {
            tag += static_cast<char>(value >> (8 + 8 * bytes) & 0xffU);
        }
        if (std::none_of(tag.begin(), tag.end(), [](char c) { return c == '{' || c == '}'; })) {
            return tag;
        }
    }
    return {};  // not reached: of all slots none needs more than 24
}

// "{tag}.", which stands before the name of a model of the shard.
inline std::string shard_prefix(unsigned lowest_slot) { return "{" + shard_tag(lowest_slot) + "}."; }

}  // namespace inferstep::client
