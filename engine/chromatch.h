// SPDX-License-Identifier: GPL-3.0-or-later
//
// Chromatch: colours a grayscale photo with the colours of reference photos.
//
//     auto colorizer = chromatch::load_colorizer({.models_folder = "/usr/share/chromatch/models"});
//     chromatch::Request request;
//     request.luminance = gray;                      // a Plane: height x width, L in [0, 100]
//     request.references.push_back({colour_lab, {}}); // a LabImage, no mask
//     chromatch::Result result = colorizer->colorize(request, nullptr);
//     // result.a, result.b: chroma at the target's full size
//
// Thread safety: a Colorizer may be used from any thread, by one thread at a time. Two Colorizers are
// independent. The progress callback is called on the thread that called colorize().
//
// Rules common to all calls:
// - Colour is CIELAB under the D65 white point, from sRGB primaries: L in [0, 100], a and b in about [-110, 110].
// - A Plane owns its values: row-major float32, height x width. An empty Plane (0 x 0) stands for "none".
// - Values must be finite. Sizes are 1 to 65,535 pixels in each direction.
// - The same request, seed, device and version give the same bytes on the same machine.
// - Every failure is an Error. An exception of a library underneath never leaves the engine.
//
// Method: He et al., "Deep exemplar-based colorization", SIGGRAPH 2018.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#if defined(__GNUC__)
#define CHROMATCH_API __attribute__((visibility("default")))
#else
#define CHROMATCH_API
#endif

namespace chromatch {

/// One channel of an image: row-major float32, height x width.
struct Plane {
    int height = 0;
    int width = 0;
    std::vector<float> values;

    Plane() = default;
    Plane(int rows, int columns, float fill = 0.0f)
        : height(rows), width(columns), values(static_cast<std::size_t>(rows) * columns, fill)
    {
    }

    bool empty() const { return values.empty(); }
    bool same_size(const Plane& other) const { return height == other.height && width == other.width; }
    float* row(int y) { return values.data() + static_cast<std::size_t>(y) * width; }
    const float* row(int y) const { return values.data() + static_cast<std::size_t>(y) * width; }
    float& at(int y, int x) { return row(y)[x]; }
    float at(int y, int x) const { return row(y)[x]; }
};

/// A colour image in CIELAB (D65): three planes of one size.
struct LabImage {
    Plane l; ///< luminance, [0, 100]
    Plane a; ///< green to red, about [-110, 110]
    Plane b; ///< blue to yellow, about [-110, 110]
};

/// A photo whose colours may be used.
struct Reference {
    LabImage image;
    Plane mask; ///< same size as the image; how far a pixel may be used, [0, 1]. Empty: everywhere.
};

/// Colours asked for at places of the target, as from painted strokes: three planes of the target's size, or none.
struct Hints {
    Plane a;
    Plane b;
    Plane mask; ///< share of the pixel that is painted, [0, 1]; a and b are those of the paint
};

enum class Device {
    automatic, ///< CUDA where it is available and the maps to match are large, else the CPU
    cpu,
    cuda,
};

constexpr int minimum_working_size = 64;
constexpr int maximum_working_size = 1024;
constexpr int default_working_size = 256;

struct Options {
    /// Short side, in pixels, of the images the networks see; at least 64, at most 1024. More costs memory by its
    /// square and time by more than that. A smaller photo is not enlarged, but to 64; sides are rounded to multiples
    /// of 16.
    int working_size = default_working_size;
    float strength = 1.0f; ///< factor on the chroma, [0, 2]; 0 gives gray
    /// The references count fully, however little they have in common with the target.
    bool insist = false;
    Device device = Device::automatic;
    std::uint64_t seed = 0; ///< of PatchMatch's random search; maps small enough for exact search ignore it
};

struct Request {
    Plane luminance; ///< the target: L in [0, 100]; what lies a little outside counts as 0 or 100
    Plane mask;      ///< same size; where it is below 0.5 the result is 0. Empty: everywhere.
    /// At most 255; none means automatic colouring. References that have next to nothing in common with the target give
    /// way to automatic colouring (but see Options::insist).
    std::vector<Reference> references;
    Hints hints; ///< stand above the references; with or without them
    Options options;
};

/// The stages of colorize(), in their order.
enum class Stage {
    preparing, ///< resizing to the working size
    features,  ///< luminance trunk on target and references
    matching,  ///< nearest-neighbour fields both ways, voting
    coloring,  ///< colorization network
    upsampling ///< luminance-guided upsampling to full size, gamut
};

constexpr int stage_count = 5;

struct Result {
    Plane a; ///< target's full size; together with the target's L every pixel lies in the sRGB gamut
    Plane b;
    /// How far the colours come from references and hints: 0 = the network's own guess, 1 = their colour.
    Plane confidence;
    /// For judging the confidence: the chroma that it speaks of, which matching brought and the network refined, before
    /// it was weighed; at half the working size. Empty without references, and where all were refused.
    Plane matched_a, matched_b;
    /// Index into Request::references of the photo that served each pixel (row-major, the target's size).
    /// Empty where there was at most one reference.
    std::vector<std::uint8_t> reference_index;
    double stage_seconds[stage_count] = {}; ///< wall time of each Stage
    int working_height = 0;                 ///< size of the target as the networks saw it
    int working_width = 0;
    Device device = Device::cpu; ///< the device that matched: cpu or cuda. The networks run on the CPU.
    /// Why a CUDA device that Device::automatic had chosen gave way to the CPU: an English sentence for the user. Empty
    /// where none failed.
    std::string device_failure;
};

/// Called now and then with the fraction done, [0, 1], never falling, and the running stage. Returning false cancels:
/// colorize() then throws ErrorCode::cancelled. May be empty. Must not throw.
using Progress = std::function<bool(double fraction, Stage stage)>;

enum class ErrorCode {
    bad_image,          ///< empty, wrong size, or not finite
    bad_option,         ///< a value of Options or Request outside its range, or no Descriptor
    model_missing,      ///< a weights file cannot be opened
    model_corrupt,      ///< a weights file is not what it should be
    out_of_memory,      ///< the request does not fit in memory
    device_unavailable, ///< the device asked for is not there
    cancelled,          ///< Progress returned false
    internal,           ///< a fault of this program
};

/// True where the user (rather than the programmer) can do something about it.
constexpr bool is_users_fault(ErrorCode code)
{
    return code != ErrorCode::internal && code != ErrorCode::bad_option;
}

/// The one exception that leaves the engine. what() is one English sentence that names the offending value; a host
/// shows its own translated words, chosen by code().
class CHROMATCH_API Error : public std::runtime_error {
  public:
    Error(ErrorCode code, const std::string& sentence) : std::runtime_error(sentence), code_(code) {}
    ErrorCode code() const { return code_; }

  private:
    ErrorCode code_;
};

struct LoadOptions {
    /// Folder with similarity-l.safetensors, recognition.safetensors and colorization.safetensors.
    std::filesystem::path models_folder;
};

/// What tells how well one photo serves as another's reference: about a kilobyte, made by describe() and compared by
/// suitability().
using Descriptor = std::vector<std::int8_t>;

constexpr int descriptor_length = 1104;

/// Changes when describe() makes something else of the same weights: stored descriptors of another version are useless.
constexpr int descriptor_version = 2;

/// Holds the loaded weights.
class CHROMATCH_API Colorizer {
  public:
    virtual ~Colorizer() = default;

    /// Chroma for the request's luminance. Throws Error with any code but model_*. What the networks said of the last
    /// request and of its photos is kept (256 MiB at most): a call that differs in strength or mask alone, or a photo
    /// that comes again, takes a fraction of the time.
    virtual Result colorize(const Request& request, const Progress& progress) = 0;

    /// What a photo shows, and in which colours; a photo with neither a nor b (empty planes) gets those that it
    /// probably has. It is looked at with a short side of 256 pixels, so a smaller copy of it does as well. photo: as
    /// in Reference. Throws Error bad_image, out_of_memory or internal.
    virtual Descriptor describe(const LabImage& photo) = 0;
};

/// Loads the weights once (about 30 MB). Throws Error model_missing, model_corrupt, out_of_memory
/// or internal.
CHROMATCH_API std::unique_ptr<Colorizer> load_colorizer(const LoadOptions& options);

/// How well a reference suits a target; 1.5 at most, more is better. Each part of the target should find a place of
/// its kind there, in likely colours, and both should show the same kind of things. Only the order of several
/// references for one target means something. Throws Error bad_option where one of them was not made by describe().
CHROMATCH_API float suitability(const Descriptor& target, const Descriptor& reference);

/// The request with all planes at the size that the networks see: colorize() of it gives the colours that it gives for
/// the request itself, as a small picture. For previews. Throws Error bad_image, bad_option or out_of_memory.
CHROMATCH_API Request at_working_size(const Request& request);

/// True where colorize() could run there; automatic and cpu always are.
CHROMATCH_API bool device_available(Device device);

// Colour conversion between linear-light sRGB primaries (scene values in [0, 1]) and CIELAB (D65), for hosts. Values
// outside [0, 1] are kept: the functions are each other's inverse to float precision (IEC 61966-2-1, CIE 15).
CHROMATCH_API void linear_rgb_to_lab(const float rgb[3], float lab[3]);
CHROMATCH_API void lab_to_linear_rgb(const float lab[3], float rgb[3]);

} // namespace chromatch
