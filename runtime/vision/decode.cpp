#include "vision/decode.hpp"

#include <png.h>

#include <csetjmp>
#include <cstdio>
// libjpeg's header needs <cstdio> before it.
#include <jpeglib.h>

namespace inferstep {
namespace {

Error damaged(const std::string& path, std::string_view why) { return fail("the image {} is damaged: {}", path, why); }

Error too_large(const std::string& path, std::int64_t width, std::int64_t height) {
    return fail("the image {} says it has {} x {} pixels; {} million are the most that is read", path, width, height,
                kMostPixels / 1'000'000);
}

// libjpeg reports by calling error_exit, which must not return: it jumps back. Everything with a destructor therefore
// lives in the caller, and only libjpeg's own state lies between setjmp and longjmp.
struct JpegState {
    jpeg_decompress_struct decoder{};
    jpeg_error_mgr errors{};
    std::jmp_buf back{};
    char message[JMSG_LENGTH_MAX] = "";
};

[[noreturn]] void jpeg_failed(j_common_ptr common) {
    auto* state = static_cast<JpegState*>(common->client_data);
    common->err->format_message(common, state->message);
    std::longjmp(state->back, 1);
}

// A warning means data that had to be guessed (a file cut short): for a measurement that is an error too.
void jpeg_message(j_common_ptr common, int level) {
    if (level < 0) {
        jpeg_failed(common);
    }
}

bool jpeg_open(JpegState& state, std::string_view bytes) {
    state.decoder.err = jpeg_std_error(&state.errors);
    state.errors.error_exit = jpeg_failed;
    state.errors.emit_message = jpeg_message;
    state.decoder.client_data = &state;
    if (setjmp(state.back) != 0) {
        return false;
    }
    jpeg_create_decompress(&state.decoder);
    jpeg_mem_src(&state.decoder, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    jpeg_read_header(&state.decoder, TRUE);
    const J_COLOR_SPACE space = state.decoder.jpeg_color_space;
    state.decoder.out_color_space = space == JCS_CMYK || space == JCS_YCCK ? JCS_CMYK : JCS_RGB;
    return true;
}

bool jpeg_rows(JpegState& state, std::uint8_t* rows, std::size_t row_bytes) {
    if (setjmp(state.back) != 0) {
        return false;
    }
    jpeg_start_decompress(&state.decoder);
    while (state.decoder.output_scanline < state.decoder.output_height) {
        JSAMPROW row = rows + state.decoder.output_scanline * row_bytes;
        jpeg_read_scanlines(&state.decoder, &row, 1);
    }
    jpeg_finish_decompress(&state.decoder);
    return true;
}

// Programs of Adobe store ink inverted and say so by a marker; other writers of CMYK are rare and do not.
std::vector<std::uint8_t> rgb_of_cmyk(const std::vector<std::uint8_t>& cmyk, bool inverted) {
    std::vector<std::uint8_t> rgb;
    rgb.reserve(cmyk.size() / 4 * 3);
    for (std::size_t i = 0; i + 3 < cmyk.size(); i += 4) {
        const int light = inverted ? cmyk[i + 3] : 255 - cmyk[i + 3];
        for (std::size_t c = 0; c < 3; ++c) {
            const int color = inverted ? cmyk[i + c] : 255 - cmyk[i + c];
            rgb.push_back(static_cast<std::uint8_t>(color * light / 255));
        }
    }
    return rgb;
}

}  // namespace

Result<Pixels> decode_jpeg(std::string_view bytes, const std::string& path) {
    JpegState state;
    struct Destroy {
        JpegState& state;
        ~Destroy() { jpeg_destroy_decompress(&state.decoder); }
    } const destroy{state};
    if (!jpeg_open(state, bytes)) {
        return damaged(path, state.message);
    }
    const std::int64_t width = state.decoder.image_width;
    const std::int64_t height = state.decoder.image_height;
    if (width * height > kMostPixels) {
        return too_large(path, width, height);
    }
    const bool cmyk = state.decoder.out_color_space == JCS_CMYK;
    const std::size_t row_bytes = static_cast<std::size_t>(width) * (cmyk ? 4 : 3);
    Pixels pixels{static_cast<int>(width), static_cast<int>(height), {}};
    pixels.rgb.resize(row_bytes * static_cast<std::size_t>(height));
    if (!jpeg_rows(state, pixels.rgb.data(), row_bytes)) {
        return damaged(path, state.message);
    }
    if (cmyk) {
        pixels.rgb = rgb_of_cmyk(pixels.rgb, state.decoder.saw_Adobe_marker != 0);
    }
    return pixels;
}

Result<Pixels> decode_png(std::string_view bytes, const std::string& path) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    struct Free {
        png_image& image;
        ~Free() { png_image_free(&image); }
    } const destroy{image};
    if (png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0) {
        return damaged(path, image.message);
    }
    if (static_cast<std::int64_t>(image.width) * image.height > kMostPixels) {
        return too_large(path, image.width, image.height);
    }
    image.format = PNG_FORMAT_RGB;
    image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
    Pixels pixels{static_cast<int>(image.width), static_cast<int>(image.height), {}};
    pixels.rgb.resize(PNG_IMAGE_SIZE(image));
    const png_color black{0, 0, 0};
    if (png_image_finish_read(&image, &black, pixels.rgb.data(), 0, nullptr) == 0) {
        return damaged(path, image.message);
    }
    return pixels;
}

}  // namespace inferstep
