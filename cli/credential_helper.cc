// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/credential_helper.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <vector>

#include "base/json_object.h"
#include "base/run_program.h"

namespace davit::cli {
namespace {

// Helpers say this on stdout, with status 1.
constexpr std::string_view kNoCredentials = "credentials not found in native keychain";
// The user name of an identity token.
constexpr char kTokenUser[] = "<token>";

bool IsProgramName(const std::string& name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

std::vector<std::string> Environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) variables.emplace_back(*variable);
  return variables;
}

std::string Trimmed(const std::string& text) {
  size_t end = text.find_last_not_of(" \t\r\n");
  return end == std::string::npos ? "" : text.substr(0, end + 1);
}

}  // namespace

Result<CredentialHelper> CredentialHelper::Find(const std::string& name, int interrupt_fd) {
  std::string program = "docker-credential-" + name;
  if (!IsProgramName(name))
    return Fail(Code::kInvalidArgument, "find credential helper", name, "this is no program's name");
  const char* path = getenv("PATH");
  std::istringstream directories(path == nullptr ? "" : path);
  for (std::string directory; std::getline(directories, directory, ':');) {
    if (!directory.starts_with('/')) continue;
    std::string candidate = directory + "/" + program;
    struct stat file{};
    bool runs =
        stat(candidate.c_str(), &file) == 0 && S_ISREG(file.st_mode) && access(candidate.c_str(), X_OK) == 0;
    if (runs) return CredentialHelper(candidate, interrupt_fd);
  }
  return Fail(Code::kNotFound, "find credential helper", program,
              "no such program in PATH; install it, or remove it from Docker's config.json");
}

Result<std::optional<std::string>> CredentialHelper::Run(const std::string& action, std::string input) const {
  ProgramRun run;
  run.program = program_;
  run.args = {action};
  run.env = Environment();
  run.input = std::move(input);
  run.interrupt_fd = interrupt_fd_;
  ProgramOutcome outcome = TRY(RunProgram("credential helper", std::move(run)));
  if (outcome.status.code == 0) return outcome.output;
  std::string why = Trimmed(outcome.output.empty() ? outcome.diagnostics : outcome.output);
  if (why == kNoCredentials) return std::nullopt;
  return Fail(Code::kInternal, "run credential helper", program_ + " " + action,
              why.empty() ? "ended with status " + std::to_string(outcome.status.code) : why);
}

Result<std::optional<RegistryLogin>> CredentialHelper::Get(const std::string& address) const {
  std::optional<std::string> answer = TRY(Run("get", address));
  if (!answer) return std::nullopt;
  JsonObject document = TRY(JsonObject::Parse(*answer, "answer of " + program_));
  std::string username = document.String("Username");
  std::string secret = document.String("Secret");
  TRY(document.Check());
  if (username == kTokenUser) return RegistryLogin{"", "", secret};
  return RegistryLogin{username, secret, ""};
}

Result<> CredentialHelper::Store(const std::string& address, const RegistryLogin& login) const {
  bool token = !login.identity_token.empty();
  nlohmann::json document = {{"ServerURL", address},
                             {"Username", token ? kTokenUser : login.username},
                             {"Secret", token ? login.identity_token : login.password}};
  TRY(Run("store", PrintJson(document)));
  return {};
}

Result<> CredentialHelper::Erase(const std::string& address) const {
  TRY(Run("erase", address));
  return {};
}

}  // namespace davit::cli
