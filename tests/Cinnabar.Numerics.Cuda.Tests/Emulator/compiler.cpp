// NVRTC, as far as Nvrtc.cs declares it: a source goes through the compiler of the host, with device.h before it and instructions.cuh in
// the place of the header of that name. Kernels are found in the preprocessed text, and what the driver needs to call them is written
// behind it.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

// Set by whoever builds this: the folder of device.h, the compiler, and a number for what all files of the emulator are.
#if !defined(EMULATOR_FOLDER) || !defined(EMULATOR_COMPILER) || !defined(EMULATOR_VERSION)
#error "Expected the macros EMULATOR_FOLDER, EMULATOR_COMPILER and EMULATOR_VERSION."
#endif

namespace {

enum Result { Success = 0, CompilationFailed = 6 };

// No NVRTC: code of this one is never taken for a GPU's.
constexpr int Major = 0, Minor = EMULATOR_VERSION;

struct Program {
    std::map<std::string, std::string> files;
    std::string name, log, code;
};

std::string quoted(const std::string& text) {
    std::string result = "'";
    for (char c : text) result += c == '\'' ? "'\\''" : std::string(1, c);
    return result + "'";
}

std::string contentOf(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream content;
    content << file.rdbuf();
    return content.str();
}

bool runs(const std::string& command, const std::filesystem::path& log) {
    return std::system((command + " 2>" + quoted(log)).c_str()) == 0;
}

// The text with `emulatorKernel_NAME` for each kernel behind it. A name stands before its parameters, and may have __launch_bounds__(…),
// whose values are no calls, before itself. No regular expressions: they take longer to compile than all else here.
std::string withKernels(const std::string& text) {
    const std::string mark = "__global__", bounds = "__launch_bounds__";
    const char* blank = " \t\r\n";
    std::string result = text;
    for (size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) {
        at += mark.size();
        size_t before = text.find(bounds, at), open = text.find('(', at);
        if (before < open) open = text.find('(', text.find(')', before));
        if (open == std::string::npos) break;
        size_t end = text.find_last_not_of(blank, open - 1) + 1, begin = text.find_last_of(blank, end - 1) + 1;
        std::string name = text.substr(begin, end - begin);
        result += "\nextern \"C\" const emulator::Kernel emulatorKernel_" + name + " = emulator::KernelOf<" + name + ">::kernel;";
    }

    return result + "\n";
}

} // namespace

#define API extern "C" __attribute__((visibility("default"))) int

API nvrtcVersion(int* major, int* minor) { *major = Major; *minor = Minor; return Success; }

API nvrtcCreateProgram(Program** program, const char* source, const char* name, int count, const char** headers, const char** names) {
    *program = new Program;
    for (int i = 0; i < count; i++) (*program)->files[names[i]] = headers[i];
    (*program)->files["instructions.cuh"] = contentOf(std::string(EMULATOR_FOLDER) + "/instructions.cuh");
    (*program)->files["source.cpp"] = std::string("#include \"device.h\"\n") + source;
    (*program)->name = name;
    return Success;
}

API nvrtcCompileProgram(Program* program, int count, const char** options) {
    std::string macros;
    for (int i = 0; i < count; i++) {
        if (strncmp(options[i], "-D", 2) == 0) macros += " " + quoted(options[i]);
    }

    std::string pattern = std::filesystem::temp_directory_path() / "cinnabar-emulator-XXXXXX";
    if (!mkdtemp(pattern.data())) return CompilationFailed;
    std::filesystem::path folder = pattern, log = folder / "log", first = folder / "source.cpp", second = folder / "kernels.cpp",
        library = folder / "kernels.so";
    for (const auto& [name, text] : program->files) std::ofstream(folder / name, std::ios::binary) << text;
    std::string compiler = quoted(EMULATOR_COMPILER) + " -std=c++17 -w -iquote " + quoted(EMULATOR_FOLDER);
    bool isCompiled = runs(compiler + macros + " -E -P -o " + quoted(second) + " " + quoted(first), log);
    if (isCompiled) {
        std::string text = withKernels(contentOf(second));
        std::ofstream(second, std::ios::binary) << text;
        isCompiled = runs(compiler + " -O2 -march=native -ffp-contract=fast -fno-strict-aliasing -fno-math-errno -fPIC -shared"
            " -D__global__= '-D__launch_bounds__(...)=' -o " + quoted(library) + " " + quoted(second), log);
    }

    program->log = contentOf(log);
    if (isCompiled) {
        std::string code = contentOf(library);
        uint64_t bytes = code.size();
        program->code = "EMULATOR" + std::string((const char*)&bytes, 8) + code;
    }

    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    return isCompiled ? Success : CompilationFailed;
}

API nvrtcGetProgramLogSize(Program* program, size_t* size) { *size = program->log.size() + 1; return Success; }
API nvrtcGetProgramLog(Program* program, char* log) { strcpy(log, program->log.c_str()); return Success; }
API nvrtcGetCUBINSize(Program* program, size_t* size) { *size = program->code.size(); return Success; }
API nvrtcGetCUBIN(Program* program, char* code) { memcpy(code, program->code.data(), program->code.size()); return Success; }
API nvrtcDestroyProgram(Program** program) { delete *program; *program = nullptr; return Success; }
