// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// login and logout.
#include <nlohmann/json.hpp>

#include "base/file_io.h"
#include "cli/credentials.h"
#include "cli/docker_config.h"
#include "cli/registry_name.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

constexpr size_t kMostPasswordBytes = 65'536;

std::string RegistryNamed(const std::string& server) {
  return server.empty() ? kDockerHub : RegistryHost(server);
}

Result<std::string> PasswordFromInput(const Console& console) {
  std::string password = TRY(ReadFd(console.in, "standard input", kMostPasswordBytes));
  while (password.ends_with('\n') || password.ends_with('\r')) password.pop_back();
  return password;
}

Result<std::string> Ask(const Session& session, const std::string& prompt, Echo echo) {
  if (isatty(session.console.in) == 0)
    return Fail(Code::kFailedPrecondition, "", "login",
                "standard input is not a terminal; use --username and --password-stdin");
  return AskAtTerminal(session.console.in, session.console.err, prompt, echo, session.interrupt);
}

Result<> CheckOptions(const LoginOptions& options) {
  if (options.password_stdin && options.password)
    return Fail(Code::kInvalidArgument, "", "--password", "does not go with --password-stdin");
  if (options.password_stdin && options.username.empty())
    return Fail(Code::kInvalidArgument, "", "--password-stdin", "needs --username");
  return {};
}

Result<RegistryLogin> ObtainLogin(const Session& session, const LoginOptions& options) {
  TRY(CheckOptions(options));
  RegistryLogin login;
  login.username = options.username.empty() ? TRY(Ask(session, "Username: ", Echo::kOn)) : options.username;
  if (options.password) {
    session.console.Remark(
        "WARNING! Others can read --password in the list of processes. Use --password-stdin.");
    login.password = *options.password;
  } else {
    login.password = options.password_stdin ? TRY(PasswordFromInput(session.console))
                                            : TRY(Ask(session, "Password: ", Echo::kOff));
  }
  if (login.username.empty()) return Fail(Code::kInvalidArgument, "", "login", "the user name is empty");
  if (login.username.find(':') != std::string::npos)
    return Fail(Code::kInvalidArgument, "", "login", "a user name cannot have a colon (RFC 7617)");
  if (login.password.empty()) return Fail(Code::kInvalidArgument, "", "login", "the password is empty");
  return login;
}

}  // namespace

// The registry is asked before anything is written.
Result<int> Perform(const Session& session, const LoginOptions& options) {
  std::string registry = RegistryNamed(options.server);
  DockerConfig config = TRY(DockerConfig::OfUser(session.interrupt.fd()));
  RegistryLogin login = TRY(ObtainLogin(session, options));
  api::CheckCredentialsRequest request;
  request.set_registry(registry);
  *request.mutable_credentials() = ToApi(login);
  TRY(session.daemon.Call(&OwnImageStub::CheckCredentials, request, CallMode::kPatient));
  if (TRY(config.Store(registry, login)) == DockerConfig::Keeper::kFile)
    session.console.Remark("WARNING! The password is stored unencrypted in " + config.path() +
                           ". A credential helper (credsStore) would encrypt it.");
  if (session.console.format == OutputFormat::kJson)
    TRY(session.console.PrintJson({{"registry", registry}, {"username", login.username}}));
  else
    TRY(session.console.Print("Login Succeeded\n"));
  return 0;
}

Result<int> Perform(const Session& session, const LogoutOptions& options) {
  std::string registry = RegistryNamed(options.server);
  DockerConfig config = TRY(DockerConfig::OfUser(session.interrupt.fd()));
  bool erased = TRY(config.Erase(registry));
  if (session.console.format == OutputFormat::kJson)
    TRY(session.console.PrintJson({{"registry", registry}, {"erased", erased}}));
  else
    TRY(session.console.Print((erased ? "Removing login credentials for " : "Not logged in to ") + registry +
                              "\n"));
  return 0;
}

}  // namespace davit::cli
