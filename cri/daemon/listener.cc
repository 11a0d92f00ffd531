// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/daemon/listener.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "base/file_io.h"
#include "base/time.h"

namespace davit::cri {
namespace {

constexpr mode_t kMode = 0660;

Result<Listener> TakeInherited(int count, const std::string& path) {
  for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count; ++fd) {
    if (sd_is_socket_unix(fd, SOCK_STREAM, /*listening=*/1, path.c_str(), /*length=*/0) <= 0) continue;
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) return SystemError("fcntl(F_SETFL)", path);
    return Listener{UniqueFd(fd), std::nullopt};
  }
  return Fail(Code::kInvalidArgument, "take the service manager's socket", path,
              "it listens elsewhere: ListenStream= and `listen` have to name the same path");
}

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return address;
}

Result<UniqueFd> NewSocket(const std::string& path) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return SystemError("socket", path);
  return socket;
}

// Held while a socket is looked at and replaced: of two daemons that start at once, the second one finds the
// first one's socket and not the same dead one.
Result<UniqueFd> LockDirectoryOf(const std::string& path) {
  std::string directory = std::filesystem::path(path).parent_path();
  UniqueFd fd = TRY(OpenAt(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY));
  if (TEMP_FAILURE_RETRY(flock(fd.get(), LOCK_EX)) < 0) return SystemError("flock", directory);
  return fd;
}

std::string PeerOf(const UniqueFd& connection) {
  ucred peer{};
  socklen_t size = sizeof peer;
  bool known = getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
  return known ? "process " + std::to_string(peer.pid) : "another process";
}

enum class Server { kNone, kEnded };

// Whether the socket at `path` has a server. One that is being killed may still have its sockets open: its
// end is seen on a connection to it. gRPC speaks first, so a living daemon is recognised at once.
Result<Server> RequireNoServer(const std::string& path, int64_t patience_ms) {
  UniqueFd connection = TRY(NewSocket(path));
  sockaddr_un address = AddressOf(path);
  if (connect(connection.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) {
    if (errno == ECONNREFUSED || errno == ENOENT) return Server::kNone;
    if (errno != EAGAIN) return SystemError("connect", path);
    return Fail(Code::kFailedPrecondition, "listen", path,
                "another process listens there and has no room for clients");
  }
  pollfd heard{connection.get(), POLLIN, 0};
  if (TEMP_FAILURE_RETRY(poll(&heard, 1, static_cast<int>(patience_ms))) == 1) {
    char byte;
    if (recv(connection.get(), &byte, 1, MSG_PEEK) <= 0) return Server::kEnded;
  }
  return Fail(Code::kFailedPrecondition, "listen", path, PeerOf(connection) + " serves there already");
}

Result<> RemoveDeadSocket(const std::string& path, int64_t patience_ms) {
  struct stat found{};
  if (lstat(path.c_str(), &found) < 0) return errno == ENOENT ? Result<>() : SystemError("lstat", path);
  if (!S_ISSOCK(found.st_mode))
    return Fail(Code::kFailedPrecondition, "listen", path, "a file that is not a socket is there");
  while (TRY(RequireNoServer(path, patience_ms)) == Server::kEnded) continue;
  if (unlink(path.c_str()) < 0 && errno != ENOENT) return SystemError("unlink", path);
  return {};
}

Result<Listener> Make(const std::string& path, int64_t patience_ms) {
  UniqueFd lock = TRY(LockDirectoryOf(path));
  TRY(RemoveDeadSocket(path, patience_ms));
  UniqueFd socket = TRY(NewSocket(path));
  // The file gets the socket's mode less the umask (unix_bind in the kernel): at no time is it open to
  // others.
  if (fchmod(socket.get(), kMode) < 0) return SystemError("fchmod", path);
  sockaddr_un address = AddressOf(path);
  if (bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
    return SystemError("bind", path);
  struct stat made{};
  if (chmod(path.c_str(), kMode) < 0 || lstat(path.c_str(), &made) < 0) return SystemError("chmod", path);
  if (listen(socket.get(), SOMAXCONN) < 0) return SystemError("listen", path);
  return Listener{std::move(socket), Listener::File{path, made.st_dev, made.st_ino}};
}

}  // namespace

Result<Listener> OpenListener(const std::string& path, int64_t patience_ms) {
  int count = sd_listen_fds(/*unset_environment=*/0);
  if (count < 0) return SystemError("sd_listen_fds", path, -count);
  return count > 0 ? TakeInherited(count, path) : Make(path, patience_ms);
}

void RemoveSocketFile(const Listener& listener) {
  if (!listener.file) return;
  const Listener::File& file = *listener.file;
  Result<UniqueFd> lock = LockDirectoryOf(file.path);
  struct stat found{};
  bool ours =
      lstat(file.path.c_str(), &found) == 0 && found.st_dev == file.device && found.st_ino == file.inode;
  if (ours) unlink(file.path.c_str());
}

}  // namespace davit::cri
