// SPDX-License-Identifier: GPL-3.0-or-later
#include "other_programs.h"

#include "pictures.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace chromatch {

namespace {

namespace fs = std::filesystem;

void require_program(const std::string& name)
{
    const char* path = std::getenv("PATH");
    std::istringstream folders(path ? path : "");
    for (std::string folder; std::getline(folders, folder, ':');)
        if (access((fs::path(folder) / name).c_str(), X_OK) == 0)
            return;
    throw std::runtime_error(name + " is not installed.");
}

/// Starts a program of PATH with its output thrown away.
pid_t start_program(const std::vector<std::string>& words)
{
    std::vector<char*> arguments;
    for (const std::string& word : words)
        arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t process = 0;
    const int error = posix_spawnp(&process, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0)
        throw std::runtime_error(words[0] + " cannot be started.");
    return process;
}

void run_program(const std::vector<std::string>& words)
{
    const pid_t process = start_program(words);
    int status = 0;
    while (waitpid(process, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        throw std::runtime_error(words[0] + " failed.");
}

/// The next number of a PPM header.
int header_number(std::istream& stream)
{
    while (stream >> std::ws && stream.peek() == '#')
        stream.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    int number = 0;
    stream >> number;
    return number;
}

/// One GIMP that colours pictures until its end. It waits for a file `ready` in the folder, colours target.ppm from
/// reference.ppm into result.ppm, and answers with a file `done`.
class SampleColorizer {
  public:
    SampleColorizer()
    {
        require_program("gimp-console");
        std::ofstream(file("serve.scm")) << script();
        process_ =
            start_program({"gimp-console", "--no-data", "--no-fonts", "-i", "--batch-interpreter",
                           "plug-in-script-fu-eval", "-b", "(load \"" + file("serve.scm").string() + "\")", "--quit"});
    }

    ~SampleColorizer()
    {
        std::ofstream(file("end")).flush();
        if (!ended_)
            waitpid(process_, nullptr, 0);
    }

    LabImage colour(const Plane& target, const LabImage& reference)
    {
        write_ppm(gray_image(target), file("target.ppm"));
        write_ppm(reference, file("reference.ppm"));
        std::ofstream(file("ready")).flush();
        while (!fs::exists(file("done"))) {
            ended_ = ended_ || waitpid(process_, nullptr, WNOHANG) == process_;
            if (ended_)
                throw std::runtime_error("gimp-console ended before its work.");
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        fs::remove(file("done"));
        return read_ppm(file("result.ppm"));
    }

  private:
    fs::path file(const char* name) const { return folder_.path() / name; }

    /// Without work for `most_waits` times 20 ms (ten minutes) it ends, lest it outlive a program that was killed.
    std::string script() const
    {
        return "(define (in-folder name) (string-append \"" + folder_.path().string() + R"(/" name))
(define most-waits 30000)
(define (load-picture name) (car (gimp-file-load RUN-NONINTERACTIVE (in-folder name))))
(define (first-layer image) (vector-ref (car (gimp-image-get-layers image)) 0))
(define (colorize)
  (let ((target (load-picture "target.ppm")) (reference (load-picture "reference.ppm")))
    (plug-in-sample-colorize #:run-mode RUN-NONINTERACTIVE #:image target
                             #:drawables (vector (first-layer target)) #:sample-drawable (first-layer reference))
    (gimp-file-save RUN-NONINTERACTIVE target (in-folder "result.ppm") -1)
    (gimp-image-delete target)
    (gimp-image-delete reference)))
(define (serve waits)
  (cond ((or (file-exists? (in-folder "end")) (> waits most-waits)) #t)
        ((file-exists? (in-folder "ready"))
         (file-delete (in-folder "ready"))
         (colorize)
         (close-output-port (open-output-file (in-folder "done")))
         (serve 0))
        (else (usleep 20000) (serve (+ waits 1)))))
(serve 0)
)";
    }

    TemporaryFolder folder_;
    pid_t process_ = 0;
    bool ended_ = false;
};

} // namespace

TemporaryFolder::TemporaryFolder()
{
    std::string name = (fs::temp_directory_path() / "chromatch-XXXXXX").string();
    if (!mkdtemp(name.data()))
        throw std::runtime_error(name + ": the folder cannot be made.");
    path_ = name;
}

TemporaryFolder::~TemporaryFolder()
{
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

void write_ppm(const LabImage& image, const fs::path& file)
{
    const std::vector<std::uint8_t> bytes = srgb_bytes(image);
    std::ofstream stream(file, std::ios::binary);
    stream << "P6\n" << image.l.width << ' ' << image.l.height << "\n255\n";
    stream.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!stream.flush())
        throw std::runtime_error(file.string() + ": the picture cannot be written.");
}

LabImage read_ppm(const fs::path& file)
{
    std::ifstream stream(file, std::ios::binary);
    std::string format;
    stream >> format;
    const int width = header_number(stream), height = header_number(stream), highest = header_number(stream);
    stream.get(); // one white space before the pixels
    if (!stream || format != "P6" || highest != 255 || width < 1 || height < 1)
        throw std::runtime_error(file.string() + " is not an 8-bit PPM picture.");
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(height) * width * 3);
    stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!stream)
        throw std::runtime_error(file.string() + " ends too early.");
    return lab_from_srgb(bytes.data(), height, width);
}

Method gmic_method(const std::string& name)
{
    static const std::map<std::string, std::vector<std::string>> commands{
        {"pca", {"transfer_pca[0]", "[1]"}},
        {"histogram", {"transfer_histogram[0]", "[1],256"}},
        {"rgb", {"transfer_rgb[0]", "[1],0.3,8,0.1,64,0"}},
    };
    const std::vector<std::string> command = commands.at(name);
    require_program("gmic");
    const auto colour = [command](const Plane& target, const LabImage* reference, const Hints&) {
        const TemporaryFolder folder;
        const auto file = [&](const char* name) { return (folder.path() / name).string(); };
        write_ppm(gray_image(target), file("target.ppm"));
        write_ppm(*reference, file("reference.ppm"));
        std::vector<std::string> words{"gmic", file("target.ppm"), file("reference.ppm"), "to_rgb"};
        words.insert(words.end(), command.begin(), command.end());
        const std::string end[] = {"cut[0]", "0,255", "o[0]", file("result.ppm")};
        words.insert(words.end(), std::begin(end), std::end(end));
        run_program(words);
        return Coloured{read_ppm(file("result.ppm")), {}};
    };
    return {name, Method::Reference::needed, false, colour};
}

Method sample_colorize_method()
{
    const auto gimp = std::make_shared<SampleColorizer>();
    return {"sample-colorize", Method::Reference::needed, true,
            [gimp](const Plane& target, const LabImage* reference, const Hints&) {
                return Coloured{gimp->colour(target, *reference), {}};
            }};
}

} // namespace chromatch
