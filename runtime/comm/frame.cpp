#include "comm/frame.hpp"

#include <sys/socket.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <memory>

namespace inferstep::comm {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::uint16_t kMark = 0x5349;
constexpr std::size_t kPiece = 256U << 10U;  // bytes of one read

struct Header {
    std::uint32_t length = 0;
    std::uint16_t kind = 0;
    std::uint16_t mark = kMark;
};
static_assert(sizeof(Header) == kFrameHeader);

}  // namespace

std::string framed(Kind kind, std::string_view body) {
    const Header header{static_cast<std::uint32_t>(body.size()), static_cast<std::uint16_t>(kind), kMark};
    std::string out(sizeof header + body.size(), '\0');
    std::memcpy(out.data(), &header, sizeof header);
    body.copy(out.data() + sizeof header, body.size());
    return out;
}

bool FrameReader::fill(int fd) {
    thread_local const std::unique_ptr<char[]> piece(new char[kPiece]);
    for (;;) {
        const ssize_t got = recv(fd, piece.get(), kPiece, MSG_DONTWAIT);
        if (got > 0) {
            bytes_.append(piece.get(), static_cast<std::size_t>(got));
            if (bytes_.size() - begin_ > limit_ + kFrameHeader || static_cast<std::size_t>(got) < kPiece) {
                return true;  // more, if there is, is read when that has been looked at
            }
            continue;
        }
        if (got == 0 || errno != EINTR) {
            return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        }
    }
}

std::optional<Frame> FrameReader::next() {
    Header header;
    const std::size_t have = bytes_.size() - begin_;
    if (bad_ || have < sizeof header) {
        return std::nullopt;
    }
    std::memcpy(&header, bytes_.data() + begin_, sizeof header);
    if (header.mark != kMark || header.length > limit_) {
        bad_ = true;
        return std::nullopt;
    }
    if (have < sizeof header + header.length) {
        return std::nullopt;
    }
    Frame frame{static_cast<Kind>(header.kind), bytes_.substr(begin_ + sizeof header, header.length)};
    begin_ += sizeof header + header.length;
    if (begin_ == bytes_.size() || begin_ > kPiece) {
        bytes_.erase(0, begin_);
        begin_ = 0;
    }
    return frame;
}

BodyWriter& BodyWriter::number(std::uint64_t value) {
    body_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
}

BodyWriter& BodyWriter::text(std::string_view value) {
    number(value.size());
    body_.append(value);
    return *this;
}

std::uint64_t BodyReader::number() {
    std::uint64_t value = 0;
    ok_ = ok_ && rest_.size() >= sizeof value;
    if (!ok_) {
        return 0;
    }
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
}

std::string BodyReader::text() {
    const std::uint64_t size = number();
    ok_ = ok_ && size <= rest_.size();
    if (!ok_) {
        return {};
    }
    std::string value(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return value;
}

int BodyReader::small(int high) {
    const std::uint64_t value = number();
    ok_ = ok_ && value <= static_cast<std::uint64_t>(high);
    return ok_ ? static_cast<int>(value) : 0;
}

}  // namespace inferstep::comm
