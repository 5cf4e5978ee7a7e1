// Receiving a tensor into the memory where the caller wants it. Parsed as any other answer, its bytes would be copied
// three times on their way from the socket, which costs more than the database needs to send them.
#include <poll.h>

#include "db/client/connection.hpp"

namespace inferstep::client {
namespace {

constexpr std::size_t kHeadSize = 1024;  // what stands before the data of a tensor of 32 dimensions fits
constexpr std::string_view kBlob = "$4\r\nblob\r\n";

struct Head {
    bool whole = false;    // the data begins at `data`
    bool hopeful = true;   // more bytes could make it whole
    std::size_t blob = 0;  // where the blob's own head begins
    std::size_t data = 0;
};

// Whether `text` is the beginning of an answer with such a tensor: type and size are looked at, the parser sees the
// rest.
Head look_at(std::string_view text, const TensorRoom& tensor) {
    const std::string_view name = name_of(tensor.type);
    const std::string begin =
        "*6\r\n$5\r\ndtype\r\n$" + std::to_string(name.size()) + "\r\n" + std::string(name) + "\r\n$5\r\nshape\r\n*";
    Head head;
    const std::size_t compared = std::min(text.size(), begin.size());
    if (text.substr(0, compared) != std::string_view(begin).substr(0, compared)) {
        head.hopeful = false;
        return head;
    }
    // Behind the dimensions, which are numbers, another word than "blob" may stand.
    const std::size_t word = text.find_first_not_of("0123456789:\r\n", compared);
    if (word == std::string_view::npos) {
        return head;
    }
    const std::string_view name_of_data = text.substr(word, kBlob.size());
    if (name_of_data != kBlob) {
        head.hopeful = kBlob.starts_with(name_of_data);
        return head;
    }
    head.blob = word + kBlob.size();
    const std::string size = "$" + std::to_string(tensor.room.size()) + "\r\n";
    const std::string_view rest = text.substr(head.blob, size.size());
    head.hopeful = std::string_view(size).starts_with(rest);
    head.whole = rest == size;
    head.data = head.blob + size.size();
    return head;
}

}  // namespace

// At least one byte.
ClientStatus Connection::receive_bytes(Deadline deadline, const std::string& command, std::span<std::byte> room,
                                       std::size_t& received) {
    for (;;) {
        ClientStatus s = take_bytes(command, room, received);
        if (!s || received > 0) {
            return s;
        }
        short ready = 0;
        if (s = wait_for(POLLIN, deadline, command, ready); !s) {
            return s;
        }
    }
}

ClientStatus Connection::receive_tensor(Deadline deadline, const std::string& command, TensorRoom& tensor,
                                        Reply& reply) {
    if (context_->reader->pos < context_->reader->len) {
        return receive(deadline, command, reply);  // the beginning has been read already
    }
    const auto buffer = std::as_writable_bytes(std::span(buffer_.get(), kHeadSize));
    std::string_view text;
    Head head;
    while (!head.whole && head.hopeful && text.size() < kHeadSize) {
        std::size_t received = 0;
        if (ClientStatus s = receive_bytes(deadline, command, buffer.subspan(text.size()), received); !s) {
            return s;
        }
        text = {buffer_.get(), text.size() + received};
        head = look_at(text, tensor);
    }
    if (!head.whole) {
        ClientStatus s = feed(command, text);
        return s ? receive(deadline, command, reply) : s;
    }
    const std::string_view early = text.substr(head.data);
    const std::size_t taken = early.copy(reinterpret_cast<char*>(tensor.room.data()), tensor.room.size());
    for (std::size_t at = taken, received = 0; at < tensor.room.size(); at += received) {
        if (ClientStatus s = receive_bytes(deadline, command, tensor.room.subspan(at), received); !s) {
            return s;
        }
    }
    // In place of the data the parser gets an empty string; the end of line is the one that followed the data.
    tensor.filled = true;
    ClientStatus s = feed(command, text.substr(0, head.blob));
    s = s ? feed(command, "$0\r\n") : s;
    s = s ? feed(command, early.substr(taken)) : s;
    return s ? receive(deadline, command, reply) : s;
}

}  // namespace inferstep::client
