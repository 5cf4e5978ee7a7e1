// gnuplot's SVG as an element of an HTML page.
#pragma once

#include <string>

#include "core/result.hpp"

namespace inferstep::report {

// The <svg> element of a file that gnuplot has written. Its ids and the references to them begin with `prefix`, since a
// page holds several; it has a name and a description instead of gnuplot's, and scales with what it stands in.
std::string svg_element(const std::string& file, const std::string& prefix, const std::string& title,
                        const std::string& description);

}  // namespace inferstep::report
