// Images written here with libjpeg and libpng, read back as tensors.
#include <png.h>

#include <cmath>
#include <cstdio>
// libjpeg's header needs <cstdio> before it.
#include <jpeglib.h>

#include "check.hpp"
#include "core/file.hpp"
#include "folder.hpp"
#include "suites.hpp"
#include "vision/image.hpp"

namespace inferstep::test {
namespace {

using Bytes = std::vector<std::uint8_t>;

// `color(x, y, c)` for every pixel and channel.
template <typename Color>
Bytes paint(int width, int height, int channels, Color color) {
    Bytes pixels;
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            for (int c = 0; c < channels; ++c) {
                pixels.push_back(static_cast<std::uint8_t>(color(x, y, c)));
            }
        }
    }
    return pixels;
}

void write_jpeg(const std::string& path, const Bytes& pixels, int width, int height, int channels) {
    jpeg_compress_struct encoder{};
    jpeg_error_mgr errors{};
    encoder.err = jpeg_std_error(&errors);
    jpeg_create_compress(&encoder);
    std::FILE* file = std::fopen(path.c_str(), "wb");
    jpeg_stdio_dest(&encoder, file);
    encoder.image_width = static_cast<JDIMENSION>(width);
    encoder.image_height = static_cast<JDIMENSION>(height);
    encoder.input_components = channels;
    encoder.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&encoder);
    jpeg_set_quality(&encoder, 95, TRUE);
    jpeg_start_compress(&encoder, TRUE);
    while (encoder.next_scanline < encoder.image_height) {
        auto* row =
            const_cast<std::uint8_t*>(&pixels[encoder.next_scanline * static_cast<std::size_t>(width * channels)]);
        jpeg_write_scanlines(&encoder, &row, 1);
    }
    jpeg_finish_compress(&encoder);
    jpeg_destroy_compress(&encoder);
    std::fclose(file);
}

void write_png(const std::string& path, const Bytes& pixels, int width, int height, png_uint_32 format) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = static_cast<png_uint_32>(width);
    image.height = static_cast<png_uint_32>(height);
    image.format = format;
    png_image_write_to_file(&image, path.c_str(), 0, pixels.data(), 0, nullptr);
}

float normalized(int c, double value) {
    const double mean[] = {0.485, 0.456, 0.406};
    const double deviation[] = {0.229, 0.224, 0.225};
    return static_cast<float>((value / 255 - mean[c]) / deviation[c]);
}

bool near(float a, float b, float tolerance) { return std::abs(a - b) <= tolerance; }

// The value of channel c at row y, column x.
float at(const std::vector<float>& tensor, int c, int y, int x) {
    return tensor[static_cast<std::size_t>((c * kCropSide + y) * kCropSide + x)];
}

void one_color_stays_one_color() {
    const Folder folder;
    const int color[] = {200, 100, 50};
    const Bytes pixels = paint(300, 500, 3, [&](int, int, int c) { return color[c]; });
    write_png(folder / "a.png", pixels, 300, 500, PNG_FORMAT_RGB);
    write_jpeg(folder / "a.jpg", pixels, 300, 500, 3);
    for (const char* name : {"a.png", "a.jpg"}) {
        const auto tensor = load_image(folder / name);
        if (!CHECK_IN(name, tensor) || !CHECK_EQ(tensor->size(), kImageFloats)) {
            continue;
        }
        const float tolerance = name[2] == 'p' ? 1e-4F : 0.04F;  // JPEG's own loss: two of 255
        for (int c = 0; c < 3; ++c) {
            for (const int i : {0, 111, 223}) {
                CHECK_IN(name, near(at(*tensor, c, i, 223 - i), normalized(c, color[c]), tolerance));
            }
        }
    }
}

// A ramp is left as it is by linear interpolation, whatever the scale: so every pixel's place can be read off its
// value.
void the_centre_is_cut_out_in_proportion() {
    const Folder folder;
    struct Case {
        int width, height;
    };
    for (const auto& [width, height] : {Case{512, 256}, Case{1024, 512}, Case{128, 128}, Case{255, 640}}) {
        const auto ramp = [&](int x, int y, int c) { return c == 0 ? x * 255 / width : c == 1 ? y * 255 / height : 0; };
        write_png(folder / "ramp.png", paint(width, height, 3, ramp), width, height, PNG_FORMAT_RGB);
        const auto tensor = load_image(folder / "ramp.png");
        if (!CHECK(tensor)) {
            return;
        }
        const double scale = std::min(width, height) / 256.0;
        for (const int i : {3, 112, 220}) {
            const double x = width / 2.0 + (i - 112 + 0.5) * scale;
            const double y = height / 2.0 + (223 - i - 112 + 0.5) * scale;
            const std::string where = fmt::format("{}x{} at {}", width, height, i);
            CHECK_IN(where, near(at(*tensor, 0, 223 - i, i), normalized(0, x * 255 / width - 0.5), 0.03F));
            CHECK_IN(where, near(at(*tensor, 1, 223 - i, i), normalized(1, y * 255 / height - 0.5), 0.03F));
        }
    }
}

// Stripes finer than the result must become their mean; picking single pixels would show black or white.
void shrinking_averages() {
    const Folder folder;
    const Bytes stripes = paint(1500, 1500, 3, [](int x, int, int) { return x % 2 == 0 ? 0 : 255; });
    write_png(folder / "stripes.png", stripes, 1500, 1500, PNG_FORMAT_RGB);
    const auto tensor = load_image(folder / "stripes.png");
    if (CHECK(tensor)) {
        for (const int x : {0, 77, 223}) {
            CHECK(near(at(*tensor, 1, 100, x), normalized(1, 127.5), 0.05F));
        }
    }
}

void other_kinds_of_color_become_rgb() {
    const Folder folder;
    write_png(folder / "grey.png", paint(256, 256, 1, [](int, int, int) { return 80; }), 256, 256, PNG_FORMAT_GRAY);
    write_jpeg(folder / "grey.jpg", paint(256, 256, 1, [](int, int, int) { return 80; }), 256, 256, 1);
    for (const char* name : {"grey.png", "grey.jpg"}) {
        const auto pixels = decode_image(folder / name);
        CHECK_IN(name, pixels && pixels->rgb.size() == 256 * 256 * 3 && std::abs(pixels->rgb[3000] - 80) <= 1 &&
                           pixels->rgb[3000] == pixels->rgb[3001] && pixels->rgb[3001] == pixels->rgb[3002]);
    }
    const Bytes clear = paint(256, 256, 4, [](int, int, int c) { return c == 3 ? 0 : 255; });
    write_png(folder / "clear.png", clear, 256, 256, PNG_FORMAT_RGBA);
    const auto black = decode_image(folder / "clear.png");
    CHECK(black && black->rgb[500] == 0);
    // libjpeg marks CMYK as Adobe does, so 255 means no ink: cyan is kept from red alone.
    const Bytes ink = paint(256, 256, 4, [](int, int, int c) { return c == 0 ? 0 : 255; });
    write_jpeg(folder / "cmyk.jpg", ink, 256, 256, 4);
    const auto cyan = decode_image(folder / "cmyk.jpg");
    CHECK(cyan && cyan->rgb[300] < 5 && cyan->rgb[301] > 250 && cyan->rgb[302] > 250);
}

void damaged_files_are_named() {
    const Folder folder;
    const Bytes pixels = paint(300, 300, 3, [](int x, int y, int c) { return (x * y + c) % 256; });
    write_jpeg(folder / "whole.jpg", pixels, 300, 300, 3);
    write_png(folder / "whole.png", pixels, 300, 300, PNG_FORMAT_RGB);
    for (const std::string kind : {"jpg", "png"}) {
        const auto whole = read_file(folder / ("whole." + kind));
        if (!CHECK(whole)) {
            return;
        }
        for (const std::size_t keep : {std::size_t{4}, std::size_t{40}, whole->size() / 2, whole->size() - 200}) {
            const std::string path = folder / fmt::format("cut{}.{}", keep, kind);
            CHECK(write_file(path, whole->substr(0, keep)));
            CHECK_FAILS(load_image(path), path);
        }
    }
    CHECK(write_file(folder / "text.jpg", "this is no image"));
    CHECK_FAILS(load_image(folder / "text.jpg"), "neither a JPEG nor a PNG");
    CHECK(write_file(folder / "empty.png", ""));
    CHECK_FAILS(load_image(folder / "empty.png"), "empty.png");
    CHECK_FAILS(load_image(folder / "missing.png"), "missing.png");
}

// A header may promise any size; nothing is allocated for one that is beyond reason.
void a_promise_of_too_many_pixels_is_refused() {
    const Folder folder;
    write_jpeg(folder / "a.jpg", paint(8, 8, 3, [](int, int, int) { return 9; }), 8, 8, 3);
    auto jpeg = read_file(folder / "a.jpg");
    if (!CHECK(jpeg)) {
        return;
    }
    const std::size_t frame = jpeg->find("\xff\xc0");
    if (!CHECK(frame != std::string::npos)) {
        return;
    }
    jpeg->replace(frame + 5, 4, "\xff\xdc\xff\xdc");  // height and width 65500
    CHECK(write_file(folder / "a.jpg", *jpeg));
    CHECK_FAILS(load_image(folder / "a.jpg"), "65500 x 65500");
}

void very_long_images_are_read() {
    const Folder folder;
    write_png(folder / "line.png", paint(20000, 1, 3, [](int, int, int) { return 255; }), 20000, 1, PNG_FORMAT_RGB);
    const auto tensor = load_image(folder / "line.png");
    CHECK(tensor && near(at(*tensor, 2, 10, 10), normalized(2, 255), 1e-4F));
}

void a_folder_is_listed_by_name() {
    const Folder folder;
    CHECK_FAILS(list_images(folder.path()), "holds no");
    CHECK_FAILS(list_images(folder / "missing"), "missing");
    for (const char* name : {"b.PNG", "a.jpeg", "c.JPG", "notes.txt", "d"}) {
        CHECK(write_file(folder / name, "x"));
    }
    CHECK(make_directories(folder / "e.png"));
    const auto paths = list_images(folder.path());
    CHECK(paths && *paths == std::vector<std::string>({folder / "a.jpeg", folder / "b.PNG", folder / "c.JPG"}));
}

CU_TestInfo kTests[] = {
    {"one color stays one color", one_color_stays_one_color},
    {"the centre is cut out in proportion", the_centre_is_cut_out_in_proportion},
    {"shrinking averages", shrinking_averages},
    {"grey, transparent and CMYK become RGB", other_kinds_of_color_become_rgb},
    {"damaged files are named", damaged_files_are_named},
    {"a promise of too many pixels is refused", a_promise_of_too_many_pixels_is_refused},
    {"very long images are read", very_long_images_are_read},
    {"a folder is listed by name", a_folder_is_listed_by_name},
    CU_TEST_INFO_NULL,
};

}  // namespace

CU_SuiteInfo kImageSuite = suite("images", kTests);

}  // namespace inferstep::test
