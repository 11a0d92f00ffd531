// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/testing/command.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>

#include "base/file_io.h"

namespace davit::images {
namespace {

struct Running {
  ChildProcess child;
  UniqueFd output;  // of both its streams
};

Result<Running> Start(const std::string& name, std::vector<std::string> args, std::vector<std::string> env) {
  auto program = FindProgram(name);
  if (!program) return Fail(Code::kNotFound, "find program", name);
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) < 0) return SystemError("pipe2", name);
  UniqueFd read_end(fds[0]);
  UniqueFd write_end(fds[1]);
  SpawnRequest request;
  request.program = *program;
  request.args = {name};
  request.args.insert(request.args.end(), args.begin(), args.end());
  request.env = std::move(env);
  request.fds = {{write_end.get(), 1}, {write_end.get(), 2}};
  return Running{TRY(Spawn(request)), std::move(read_end)};
}

// What it logs once it listens; only then is its port known.
Result<std::string> ReadPort(int output) {
  constexpr std::string_view kMark = "listening on 127.0.0.1:";
  std::string log;
  char buffer[4096];
  while (true) {
    size_t mark = log.find(kMark);
    size_t start = mark + kMark.size();
    if (mark != std::string::npos && log.find_first_not_of("0123456789", start) != std::string::npos) {
      return log.substr(start, log.find_first_not_of("0123456789", start) - start);
    }
    ssize_t size = read(output, buffer, sizeof buffer);
    if (size <= 0) return Fail(Code::kInternal, "start", "docker-registry", log);
    log.append(buffer, static_cast<size_t>(size));
  }
}

}  // namespace

std::optional<std::string> FindProgram(const std::string& name) {
  for (const char* dir : {"/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/"}) {
    if (access((dir + name).c_str(), X_OK) == 0) return dir + name;
  }
  return std::nullopt;
}

Result<std::string> RunProgram(const std::string& name, std::vector<std::string> args) {
  Running running =
      TRY(Start(name, std::move(args), {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/nonexistent"}));
  std::string output = TRY(ReadFd(running.output.get(), name));
  ExitStatus status = TRY(Reap(running.child));
  if (status.code != 0) return Fail(Code::kInternal, "run", name, output);
  return output;
}

Result<RegistryServer> RegistryServer::Start(const Options& options) {
  std::string file = options.storage + "-config.yml";
  std::ofstream config(file);
  config << "version: 0.1\nlog: {level: info}\nstorage: {filesystem: {rootdirectory: " << options.storage
         << "}}\nhttp:\n  addr: 127.0.0.1:0\n";
  if (!options.certificate.empty()) {
    config << "  tls: {certificate: " << options.certificate << ", key: " << options.key << "}\n";
  }
  if (!options.htpasswd.empty())
    config << "auth: {htpasswd: {realm: test, path: " << options.htpasswd << "}}\n";
  config.close();
  Running running =
      TRY(davit::images::Start("docker-registry", {"serve", file}, {"OTEL_TRACES_EXPORTER=none"}));
  auto port = ReadPort(running.output.get());
  RegistryServer server(std::move(running.child), std::move(running.output), port.value_or(""));
  if (!port) return std::unexpected(std::move(port).error());
  return server;
}

RegistryServer::~RegistryServer() {
  if (!child_.pidfd.valid()) return;
  (void)child_.pidfd.Signal(SIGKILL);
  (void)Reap(child_);
}

}  // namespace davit::images
