// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <sys/stat.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/file_io.h"
#include "cli/build/dockerfile/check.h"
#include "cli/build/dockerfile/ignore_file.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

using dockerfile::BuildPlatform;
using dockerfile::BuildSettings;
using dockerfile::CheckReport;
using dockerfile::IgnoreFile;
using dockerfile::Problem;
using dockerfile::Warning;

BuildPlatform OwnPlatform() {
#if defined(__x86_64__)
  return {.architecture = "amd64"};
#elif defined(__aarch64__)
  return {.architecture = "arm64"};
#elif defined(__riscv)
  return {.architecture = "riscv64"};
#else
#error "an architecture without a name"
#endif
}

// A file of the build, and what is wrong in it.
struct Finding {
  std::string file;
  std::string kind;  // "error" or "warning"
  std::string rule;  // of a warning; may be empty
  Problem problem;

  std::string ToString() const {
    return dockerfile::Located(file, kind, problem) + (rule.empty() ? "" : " [" + rule + "]") + "\n";
  }
  nlohmann::json ToJson() const {
    nlohmann::json json = {{"file", file},
                           {"kind", kind},
                           {"line", problem.place.line},
                           {"column", problem.place.column},
                           {"text", problem.ToString()}};
    if (!rule.empty()) json.emplace("rule", rule);
    return json;
  }
};

Result<> CheckContext(const std::string& context) {
  for (const char* remote : {"http://", "https://", "git://", "ssh://", "git@", "github.com/"}) {
    if (context.starts_with(remote))
      return Fail(Code::kInvalidArgument, "build context", context,
                  "git repositories and URLs are not supported");
  }
  struct stat status;
  if (stat(context.c_str(), &status) < 0) return SystemError("build context", context);
  if (!S_ISDIR(status.st_mode))
    return Fail(Code::kInvalidArgument, "build context", context, "not a directory");
  return {};
}

Result<BuildSettings> ReadSettings(const BuildOptions& options) {
  BuildSettings settings{
      .target = options.target, .build_platform = OwnPlatform(), .target_platform = OwnPlatform()};
  for (const std::string& argument : options.arguments) {
    const size_t sign = argument.find('=');
    const std::string name = argument.substr(0, sign);
    if (name.empty()) return Fail(Code::kInvalidArgument, "--build-arg", argument, "expected NAME[=VALUE]");
    if (sign != std::string::npos) {
      settings.arguments[name] = argument.substr(sign + 1);
    } else if (const char* value = getenv(name.c_str())) {
      settings.arguments[name] = value;
    }
  }
  for (const std::string& context : options.named_contexts) {
    const size_t sign = context.find('=');
    if (sign == std::string::npos || sign == 0)
      return Fail(Code::kInvalidArgument, "--build-context", context, "expected NAME=SOURCE");
    settings.named_contexts.insert(context.substr(0, sign));
  }
  return settings;
}

// The .dockerignore in force: that of the Dockerfile, else that of the context. Empty if there is none.
Result<std::string> ReadIgnoreFile(const BuildOptions& options, const std::string& dockerfile,
                                   std::string& name) {
  for (const std::string& candidate : {dockerfile + ".dockerignore", options.context + "/.dockerignore"}) {
    name = candidate;
    Result<std::string> text = ReadFile(name, dockerfile::kMaxIgnoreFileBytes + 1);
    if (text || text.error().code != Code::kNotFound) return text;
  }
  return "";
}

std::vector<Finding> FindingsOf(const std::string& file, const CheckReport& report) {
  std::vector<Finding> findings;
  for (const Problem& problem : report.errors) findings.push_back({file, "error", "", problem});
  for (const Warning& warning : report.warnings)
    findings.push_back({file, "warning", std::string(warning.rule), warning.problem});
  return findings;
}

Result<> Print(const Console& console, const std::vector<Finding>& findings, const CheckReport& report) {
  if (console.format == OutputFormat::kJson) {
    nlohmann::json json = {{"stages", report.stages}, {"findings", nlohmann::json::array()}};
    for (const Finding& finding : findings) json.find("findings")->push_back(finding.ToJson());
    return console.PrintJson(json);
  }
  std::string text;
  for (const Finding& finding : findings) text += finding.ToString();
  return console.Print(text);
}

}  // namespace

Result<int> CheckBuild(const Console& console, const BuildOptions& options) {
  TRY(CheckContext(options.context));
  const BuildSettings settings = TRY(ReadSettings(options));
  const bool from_input = options.file == "-";
  const std::string path = options.file.empty() ? options.context + "/Dockerfile" : options.file;
  const std::string text =
      TRY(from_input ? ReadFd(console.in, "standard input", dockerfile::kMaxFileBytes + 1)
                     : ReadFile(path, dockerfile::kMaxFileBytes + 1));
  const std::string shown = from_input ? "Dockerfile" : path;
  const CheckReport report = dockerfile::Check(text, settings);
  std::vector<Finding> findings = FindingsOf(shown, report);

  std::string ignore_path;
  const std::string ignore_text = TRY(ReadIgnoreFile(options, path, ignore_path));
  auto ignore = IgnoreFile::Parse(ignore_text);
  if (!ignore) findings.push_back({ignore_path, "error", "", ignore.error()});

  TRY(Print(console, findings, report));
  return report.Passes() && ignore ? 0 : 1;
}

Result<int> Perform(const Session& session, const BuildOptions& options) {
  return CheckBuild(session.console, options);
}

}  // namespace davit::cli
