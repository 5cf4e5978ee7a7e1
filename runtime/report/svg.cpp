#include "report/svg.hpp"

#include <array>
#include <string_view>

#include "report/text.hpp"

namespace inferstep::report {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
}

std::string renamed(std::string tag, const std::string& prefix) {
    for (const char* name : {" id=", " xlink:href=", " href="}) {
        for (const char* quote : {"'", "\""}) {
            const std::string start = std::string(name) + quote;
            const bool reference = start.find("href") != std::string::npos;
            const std::string from = start + (reference ? "#" : "");
            replace_all(tag, from, from + prefix);
        }
    }
    return tag;
}

}  // namespace

std::string svg_element(const std::string& file, const std::string& prefix, const std::string& title,
                        const std::string& description) {
    std::string out;
    std::size_t at = file.find("<svg");
    bool in_title = false;                  // gnuplot's own: one of the whole, one for each curve
    std::size_t group = std::string::npos;  // where in `out` the last group begins, of which many have nothing in them
    std::size_t content = std::string::npos;
    while (at != std::string::npos && at < file.size()) {
        const std::size_t open = file.find('<', at);
        const std::size_t close = open == std::string::npos ? open : file.find('>', open);
        if (close == std::string::npos) {
            break;
        }
        std::string text = file.substr(at, open - at);
        const std::string tag = file.substr(open, close + 1 - open);
        replace_all(text, ">", "&gt;");
        const bool begins = tag.starts_with("<title") || tag.starts_with("<desc");
        const bool ends = tag.starts_with("</title") || tag.starts_with("</desc");
        out += in_title ? "" : text;
        if (tag.starts_with("<svg")) {
            out += renamed(tag.substr(0, tag.size() - 1), prefix) +
                   fmt::format(
                       " role=\"img\" aria-labelledby=\"{0}title {0}desc\">\n<title id=\"{0}title\">{1}</title>\n"
                       "<desc id=\"{0}desc\">{2}</desc>\n",
                       prefix, escaped(title), escaped(description));
        } else if (tag == "</g>" && group != std::string::npos &&
                   out.find_first_not_of(" \t\n", content) == std::string::npos) {
            out.resize(group);
            group = std::string::npos;
        } else if (!begins && !ends) {
            group = tag.starts_with("<g ") ? out.size() : group;
            out += renamed(tag, prefix);
            content = tag.starts_with("<g ") ? out.size() : content;
        }
        in_title = begins || (in_title && !ends);
        at = close + 1;
    }
    return out;
}

}  // namespace inferstep::report
