// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/project_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/file_io.h"
#include "cli/compose/model/env_file.h"
#include "cli/compose/model/text_forms.h"
#include "cli/compose/model/yaml.h"
#include "cli/text.h"

namespace davit::cli::compose {
namespace {

constexpr const char* kNames[] = {"compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"};

Environment OwnEnvironment() {
  Environment environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string text = *entry;
    size_t equals = text.find('=');
    if (equals != std::string::npos) environment[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return environment;
}

std::string Absolute(const std::string& path) {
  std::string normal = std::filesystem::absolute(path).lexically_normal().string();
  if (normal.size() > 1 && normal.ends_with('/')) normal.pop_back();
  return normal;
}

bool Exists(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

// A directory or a device would never end, and a file can be large.
Result<std::string> ReadWhole(const std::string& path) {
  if (path == "-") return ReadFd(STDIN_FILENO, "standard input", kMostFileBytes);
  UniqueFd file = TRY(OpenAt(AT_FDCWD, path, O_RDONLY | O_NONBLOCK));
  struct stat status{};
  if (fstat(file.get(), &status) < 0) return SystemError("fstat", path);
  if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode) && !S_ISCHR(status.st_mode))
    return Fail(Code::kInvalidArgument, "read", path, "is no file");
  if (S_ISREG(status.st_mode) || S_ISCHR(status.st_mode)) return ReadFd(file.get(), path, kMostFileBytes);
  UniqueFd pipe = TRY(OpenAt(AT_FDCWD, path, O_RDONLY));  // of a shell's <(command)
  return ReadFd(pipe.get(), path, kMostFileBytes);
}

// In the directory or the nearest of its parents.
Result<std::vector<std::string>> FindFiles(const std::string& directory) {
  for (std::filesystem::path at = directory;; at = at.parent_path()) {
    for (const char* name : kNames) {
      if (!Exists(at / name)) continue;
      std::vector<std::string> files = {(at / name).string()};
      std::string stem = std::filesystem::path(name).stem().string();
      for (const char* extension : {".yaml", ".yml"}) {
        std::string over = at / (stem + ".override" + extension);
        if (files.size() == 1 && Exists(over)) files.push_back(over);
      }
      return files;
    }
    if (at == at.root_path() || at.empty()) break;
  }
  return Fail(Code::kNotFound, "find compose.yaml in", directory,
              "no such file there or in a parent directory: name one with -f");
}

Result<std::vector<std::string>> ChooseFiles(const ProjectOptions& options, const Environment& environment) {
  std::vector<std::string> files = options.files;
  auto variable = environment.find("COMPOSE_FILE");
  if (files.empty() && variable != environment.end() && !variable->second.empty()) {
    auto separator = environment.find("COMPOSE_PATH_SEPARATOR");
    bool given = separator != environment.end() && separator->second.size() == 1;
    files = SplitText(variable->second, given ? separator->second[0] : ':');
  }
  if (files.empty()) return FindFiles(Absolute(options.directory.empty() ? "." : options.directory));
  for (std::string& file : files)
    if (file != "-") file = Absolute(file);
  return files;
}

// Later files count more than earlier ones, and the environment of davit most.
Result<> AddEnvFile(const std::string& path, bool required, Environment& environment, Environment& found) {
  Result<std::string> text = ReadWhole(path);
  if (!text && !required && text.error().code == Code::kNotFound) return {};
  if (!text) return std::unexpected(text.error());
  for (auto& [name, value] : TRY(ParseEnvFile(*text, path, environment))) found[name] = std::move(value);
  return {};
}

Result<LoadRequest> RequestOf(const ProjectOptions& options, const std::vector<std::string>& chosen) {
  LoadRequest request;
  request.environment = OwnEnvironment();
  request.files = TRY(ChooseFiles(options, request.environment));
  const std::string& first = request.files.front();
  request.directory = !options.directory.empty() ? Absolute(options.directory)
                      : first == "-"             ? Absolute(".")
                                                 : std::filesystem::path(first).parent_path().string();
  Environment found;
  for (const std::string& file : options.env_files)
    TRY(AddEnvFile(Absolute(file), /*required=*/true, request.environment, found));
  if (options.env_files.empty())
    TRY(AddEnvFile(request.directory + "/.env", /*required=*/false, request.environment, found));
  for (auto& [name, value] : found) request.environment.emplace(name, std::move(value));
  request.name = options.name;
  request.profiles = options.profiles;
  request.chosen = chosen;
  auto profiles = request.environment.find("COMPOSE_PROFILES");
  if (options.profiles.empty() && profiles != request.environment.end() && !profiles->second.empty())
    request.profiles = SplitText(profiles->second, ',');
  return request;
}

}  // namespace

Result<Project> OpenProject(const Console& console, const ProjectOptions& options,
                            const std::vector<std::string>& chosen) {
  LoadRequest request = TRY(RequestOf(options, chosen));
  std::expected<Project, Problems> project = LoadProject(request, ReadWhole);
  if (!project) {
    for (const Problem& problem : project.error().list()) console.Remark(problem.ToString());
    return Fail(Code::kInvalidArgument, "read project", request.files.front(), "see above");
  }
  for (const std::string& name : project->unset)
    console.Remark("the variable " + name + " is not set; it is replaced by nothing");
  return std::move(*project);
}

Result<std::string> NameOfProject(const Console& console, const ProjectOptions& options) {
  if (IsProjectName(options.name)) return options.name;
  const char* variable = getenv("COMPOSE_PROJECT_NAME");
  if (options.name.empty() && variable != nullptr && IsProjectName(variable)) return std::string(variable);
  return TRY(OpenProject(console, options)).name;
}

}  // namespace davit::cli::compose
