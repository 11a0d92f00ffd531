// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/shims/shim_launcher.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/codec.h"
#include "base/directory.h"
#include "base/file_io.h"
#include "base/frame.h"
#include "base/ids.h"
#include "base/memfd.h"

namespace davit::cri {
namespace {

constexpr size_t kMaxShimProgram = 64 << 20;

// sun_path holds 107 bytes, too few for a state directory and a 64-digit id; a path through our own
// descriptor fits.
sockaddr_un AddressBelow(int dir_fd, const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string path = "/proc/self/fd/" + std::to_string(dir_fd) + "/" + name;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

Result<UniqueFd> ListenBelow(int dir_fd, const std::string& name) {
  UniqueFd listener(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!listener) return SystemError("socket", "SEQPACKET");
  fchmod(listener.get(), 0600);  // the mode that bind gives the file (unix(7))
  sockaddr_un address = AddressBelow(dir_fd, name);
  unlinkat(dir_fd, name.c_str(), 0);
  if (bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) {
    return SystemError("bind", "shims/" + name);
  }
  if (listen(listener.get(), 8) < 0) return SystemError("listen", "shims/" + name);
  return listener;
}

}  // namespace

Result<std::unique_ptr<ShimLauncher>> ShimLauncher::Create(const std::string& shim_program,
                                                           const std::string& state_dir, int log_fd,
                                                           SpawnFunction spawn) {
  std::string binary = TRY(ReadFile(shim_program, kMaxShimProgram));
  UniqueFd program = TRY(MakeSealedMemfd("davit-shim", binary, MemfdUse::kExecutable));
  UniqueFd sockets = TRY(OpenPrivateDirectory(AT_FDCWD, state_dir + "/shims"));
  UniqueFd exits = TRY(OpenPrivateDirectory(AT_FDCWD, state_dir + "/exits"));
  return std::unique_ptr<ShimLauncher>(
      new ShimLauncher(std::move(program), std::move(sockets), std::move(exits), log_fd, std::move(spawn)));
}

Result<NewShim> ShimLauncher::Launch() {
  NewShim shim;
  shim.sandbox_id = TRY(NewId());
  Result<> started = Start(shim);
  if (started) return shim;
  Discard(std::move(shim));
  return std::unexpected(Within("start shim", std::move(started).error()));
}

Result<> ShimLauncher::Start(NewShim& shim) {
  UniqueFd listener = TRY(ListenBelow(sockets_dir_.get(), shim.sandbox_id));
  auto [ours, theirs] = TRY(FramePair());
  shim.socket = std::move(ours);

  SpawnRequest request;
  request.program = "/proc/self/fd/" + std::to_string(program_.get());
  request.args = {"davit-shim", shim.sandbox_id};
  request.fds = {{listener.get(), shim::kShimListenFd},
                 {theirs.get(), shim::kShimControlFd},
                 {exits_dir_.get(), shim::kShimExitsFd},
                 {log_fd_, shim::kShimLogFd}};
  ChildProcess child = TRY(spawn_(request));
  shim.identity.pid = child.pid;
  shim.process = std::move(child.pidfd);
  shim.identity = TRY(IdentifyProcess(child.pid));
  return {};
}

void ShimLauncher::Discard(NewShim shim) const {
  if (shim.process.valid()) {
    (void)shim.process.Signal(SIGKILL);
    (void)Reap({shim.identity.pid, std::move(shim.process)});
  }
  RemoveSocket(shim.sandbox_id);
}

Result<UniqueFd> ShimLauncher::Connect(const std::string& sandbox_id, Patience patience) const {
  int flags = SOCK_CLOEXEC | (patience == Patience::kNone ? SOCK_NONBLOCK : 0);
  UniqueFd connection(socket(AF_UNIX, SOCK_SEQPACKET | flags, 0));
  if (!connection) return SystemError("socket", "SEQPACKET");
  // A stopped shim does not accept; its backlog must not hold us either.
  timeval timeout{1, 0};
  setsockopt(connection.get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  sockaddr_un address = AddressBelow(sockets_dir_.get(), sandbox_id);
  if (connect(connection.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) {
    return SystemError("connect", "shim of " + sandbox_id);
  }
  return connection;
}

void ShimLauncher::RemoveSocket(const std::string& sandbox_id) const {
  unlinkat(sockets_dir_.get(), sandbox_id.c_str(), 0);
}

Result<std::vector<std::string>> ShimLauncher::Sockets() const {
  std::vector<std::string> names = TRY(ListDirectory(sockets_dir_.get()));
  std::erase_if(names, [](const std::string& name) { return !IsId(name); });
  return names;
}

Result<shim::ContainerExited> ShimLauncher::ReadExitRecord(const std::string& container_id) const {
  std::string data = TRY(ReadFileAt(exits_dir_.get(), container_id));
  auto exited = TRY(Decode<shim::ContainerExited>(data, "exit record of " + container_id));
  // An empty file would be an exit with 0: an exit status is never invented.
  if (exited.container_id != container_id)
    return Fail(Code::kDataLoss, "decode", "exit record of " + container_id, "it has another id");
  return exited;
}

void ShimLauncher::RemoveExitRecord(const std::string& container_id) const {
  unlinkat(exits_dir_.get(), container_id.c_str(), 0);
}

}  // namespace davit::cri
