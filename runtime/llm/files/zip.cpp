#include "llm/files/zip.hpp"

#include <algorithm>

#include "core/text.hpp"

namespace inferstep::llm {
namespace {

constexpr std::size_t kEndSize = 22;
constexpr std::size_t kLocatorSize = 20;
constexpr std::size_t kEnd64Size = 56;
constexpr std::size_t kCentralSize = 46;
constexpr std::size_t kLocalSize = 30;
constexpr std::uint32_t kEndMark = 0x06054b50;
constexpr std::uint32_t kLocatorMark = 0x07064b50;
constexpr std::uint32_t kEnd64Mark = 0x06064b50;
constexpr std::uint32_t kCentralMark = 0x02014b50;
constexpr std::uint32_t kLocalMark = 0x04034b50;
constexpr std::uint32_t kIn64 = 0xffffffff;  // in the place of a number that stands elsewhere with 64 bits

struct Directory {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
};

bool fits(FileBytes file, std::uint64_t offset, std::uint64_t size) {
    return offset <= file.size() && size <= file.size() - offset;
}

Result<Directory> find_directory(FileBytes file, const std::string& path) {
    const std::size_t longest_comment = 65535;
    const std::size_t back = std::min(file.size(), kEndSize + longest_comment);
    for (std::size_t size = kEndSize; size <= back; ++size) {
        const std::size_t at = file.size() - size;
        if (number_at<std::uint32_t>(file, at) != kEndMark) {
            continue;
        }
        Directory found{number_at<std::uint32_t>(file, at + 16), number_at<std::uint32_t>(file, at + 12)};
        if (at >= kLocatorSize && number_at<std::uint32_t>(file, at - kLocatorSize) == kLocatorMark) {
            const auto end64 = number_at<std::uint64_t>(file, at - kLocatorSize + 8);
            if (!fits(file, end64, kEnd64Size) || number_at<std::uint32_t>(file, end64) != kEnd64Mark) {
                break;
            }
            found = {number_at<std::uint64_t>(file, end64 + 48), number_at<std::uint64_t>(file, end64 + 40)};
        }
        if (fits(file, found.offset, found.size)) {
            return found;
        }
        break;
    }
    return fail("{} has no directory of entries at its end: it is truncated, or no file that torch.save wrote", path);
}

struct Entry {
    std::string name;
    std::uint64_t size = 0;
    std::uint64_t stored = 0;
    std::uint64_t local = 0;  // offset of its own header
};

// The numbers with 64 bits of those that do not fit into 32.
bool take_64(FileBytes extra, Entry& entry) {
    for (std::size_t at = 0; at + 4 <= extra.size();) {
        const auto id = number_at<std::uint16_t>(extra, at);
        const std::size_t size = number_at<std::uint16_t>(extra, at + 2);
        at += 4;
        if (size > extra.size() - at) {
            return false;
        }
        if (id == 1) {
            FileBytes rest = extra.subspan(at, size);
            for (std::uint64_t* value : {&entry.size, &entry.stored, &entry.local}) {
                if (*value != kIn64) {
                    continue;
                }
                if (rest.size() < sizeof *value) {
                    return false;
                }
                *value = number_at<std::uint64_t>(rest, 0);
                rest = rest.subspan(sizeof *value);
            }
            return true;
        }
        at += size;
    }
    return true;
}

// Where the data lie: behind the entry's own header, whose lengths are not those of the directory.
Result<FileBytes> data_of(FileBytes file, const std::string& path, const Entry& entry) {
    if (fits(file, entry.local, kLocalSize) && number_at<std::uint32_t>(file, entry.local) == kLocalMark) {
        const std::uint64_t skip = kLocalSize + number_at<std::uint16_t>(file, entry.local + 26) +
                                   number_at<std::uint16_t>(file, entry.local + 28);
        if (fits(file, entry.local, skip) && fits(file, entry.local + skip, entry.size)) {
            return file.subspan(entry.local + skip, entry.size);
        }
    }
    return fail("{}: entry {} lies outside of the file's {} bytes: it is truncated, or damaged", path, entry.name,
                file.size());
}

}  // namespace

Result<ZipEntries> read_zip(FileBytes file, const std::string& path) {
    const Result<Directory> directory = find_directory(file, path);
    if (!directory) {
        return directory.error();
    }
    ZipEntries entries;
    FileBytes rest = file.subspan(directory->offset, directory->size);
    while (rest.size() >= kCentralSize && number_at<std::uint32_t>(rest, 0) == kCentralMark) {
        const std::size_t name = number_at<std::uint16_t>(rest, 28);
        const std::size_t extra = number_at<std::uint16_t>(rest, 30);
        const std::size_t whole = kCentralSize + name + extra + number_at<std::uint16_t>(rest, 32);
        if (whole > rest.size()) {
            return fail("{}: its directory of entries is damaged", path);
        }
        Entry entry{as_utf8(as_text(rest.subspan(kCentralSize, name))), number_at<std::uint32_t>(rest, 24),
                    number_at<std::uint32_t>(rest, 20), number_at<std::uint32_t>(rest, 42)};
        const auto flags = number_at<std::uint16_t>(rest, 8);
        const auto method = number_at<std::uint16_t>(rest, 10);
        if (!take_64(rest.subspan(kCentralSize + name, extra), entry)) {
            return fail("{}: its directory's entry {} is damaged", path, entry.name);
        }
        if (method != 0 || (flags & 1U) != 0 || entry.stored != entry.size) {
            return fail("{}: entry {} is compressed or encrypted, which torch.save never does", path, entry.name);
        }
        const Result<FileBytes> data = data_of(file, path, entry);
        if (!data) {
            return data.error();
        }
        if (!entries.emplace(entry.name, *data).second) {
            return fail("{}: entry {} is there twice", path, entry.name);
        }
        rest = rest.subspan(whole);
    }
    return entries;
}

}  // namespace inferstep::llm
