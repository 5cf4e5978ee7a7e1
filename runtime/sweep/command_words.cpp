#include "sweep/command_words.hpp"

#include <algorithm>
#include <string_view>

namespace inferstep::sweep {
namespace {

bool is_shell_word(std::string_view word) {
    constexpr std::string_view kWords[] = {"|", "||", "&", "&&", ";", ">", ">>", "<", "2>", "2>&1", "&>"};
    return std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords);
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

struct Splitter {
    std::string_view text;
    std::size_t at = 0;
    std::string word;
    bool quoted = false;  // some of the word stood in quotation marks
    bool open = false;    // a quotation mark, or a backslash, that has no end

    void single() {
        const std::size_t end = text.find('\'', at);
        open = end == std::string_view::npos;
        word += text.substr(at, open ? end : end - at);
        at = open ? text.size() : end + 1;
    }
    void both() {
        for (; at < text.size() && text[at] != '"'; ++at) {
            const bool escape = text[at] == '\\' && at + 1 < text.size() &&
                                std::string_view("\"\\$`").find(text[at + 1]) != std::string_view::npos;
            at += escape ? 1 : 0;
            word += text[at];
        }
        open = at >= text.size();
        ++at;
    }
    void piece() {
        const char c = text[at++];
        quoted = quoted || c == '\'' || c == '"' || c == '\\';
        if (c == '\'') {
            single();
        } else if (c == '"') {
            both();
        } else if (c != '\\') {
            word += c;
        } else if (at == text.size()) {
            open = true;
        } else {
            word += text[at++];
        }
    }
    // Whether there is one more word.
    bool next() {
        while (at < text.size() && is_blank(text[at])) {
            ++at;
        }
        if (at >= text.size()) {
            return false;
        }
        word.clear();
        quoted = false;
        while (at < text.size() && !is_blank(text[at])) {
            piece();
        }
        return !open;
    }
};

}  // namespace

Result<std::vector<std::string>> command_words(const std::string& text) {
    std::vector<std::string> words;
    Splitter splitter;
    splitter.text = text;
    while (splitter.next()) {
        if (!splitter.quoted && is_shell_word(splitter.word)) {
            return with_hint(fail("no shell runs the command, so that {} means nothing to it", splitter.word),
                             "write it as script, or the word in quotation marks");
        }
        words.push_back(splitter.word);
    }
    if (splitter.open) {
        return fail("a quotation mark or backslash has no end");
    }
    if (words.empty() || words[0].empty()) {
        return fail("a program and its arguments are right");
    }
    return words;
}

}  // namespace inferstep::sweep
