// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/daemon/listener.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cstring>

namespace davit {
namespace {

constexpr mode_t kMode = 0660;

Result<Listener> TakeInherited(int count, const std::string& path) {
  for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count; ++fd) {
    if (sd_is_socket_unix(fd, SOCK_STREAM, /*listening=*/1, path.c_str(), /*length=*/0) <= 0) continue;
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0) return SystemError("fcntl(F_SETFL)", path);
    return Listener{UniqueFd(fd), /*own=*/false};
  }
  return Fail(Code::kInvalidArgument, "take the service manager's socket", path,
              "it listens elsewhere: ListenStream= and `listen` have to name the same path");
}

Result<Listener> Make(const std::string& path) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return SystemError("socket", path);
  if (unlink(path.c_str()) < 0 && errno != ENOENT) return SystemError("unlink", path);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  // The file gets the socket's mode less the umask (unix_bind in the kernel): at no time is it open to
  // others.
  if (fchmod(socket.get(), kMode) < 0) return SystemError("fchmod", path);
  if (bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
    return SystemError("bind", path);
  if (chmod(path.c_str(), kMode) < 0) return SystemError("chmod", path);
  if (listen(socket.get(), SOMAXCONN) < 0) return SystemError("listen", path);
  return Listener{std::move(socket), /*own=*/true};
}

}  // namespace

Result<Listener> OpenListener(const std::string& path) {
  int count = sd_listen_fds(/*unset_environment=*/0);
  if (count < 0) return SystemError("sd_listen_fds", path, -count);
  return count > 0 ? TakeInherited(count, path) : Make(path);
}

}  // namespace davit
