// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/console.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>

#include "base/open_beneath.h"
#include "shim/init/mount_api.h"
#include "shim/init/target.h"

namespace davit::shim {
namespace {

Result<> VerifyMultiplexer(int fd) {
  struct stat st;
  struct statfs filesystem;
  if (fstat(fd, &st) < 0 || fstatfs(fd, &filesystem) < 0) return SystemError("fstat", "/dev/pts/ptmx");
  bool genuine =
      S_ISCHR(st.st_mode) && st.st_rdev == makedev(5, 2) && filesystem.f_type == DEVPTS_SUPER_MAGIC;
  return genuine ? Result<>() : SystemError("verify", "/dev/pts/ptmx", EINVAL);
}

Result<> SetWindowSize(int controller, const WindowSize& size) {
  if (size.rows == 0 || size.columns == 0) return {};
  winsize window{};
  window.ws_row = size.rows;
  window.ws_col = size.columns;
  return ioctl(controller, TIOCSWINSZ, &window) == 0 ? Result<>() : SystemError("TIOCSWINSZ", "terminal");
}

}  // namespace

Result<Console> OpenTerminal(int root_fd, const WindowSize& window) {
  Console console;
  console.controller =
      TRY(OpenBeneath(root_fd, "/dev/pts/ptmx", Resolve::kInRoot, O_RDWR | O_NOCTTY | O_NONBLOCK));
  TRY(VerifyMultiplexer(console.controller.get()));
  int unlocked = 0;
  if (ioctl(console.controller.get(), TIOCSPTLCK, &unlocked) < 0)
    return SystemError("TIOCSPTLCK", "/dev/pts/ptmx");
  console.peer.Reset(ioctl(console.controller.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!console.peer) return SystemError("TIOCGPTPEER", "/dev/pts/ptmx");
  TRY(SetWindowSize(console.controller.get(), window));
  return console;
}

Result<Console> OpenConsole(int root_fd, const WindowSize& window) {
  Console console = TRY(OpenTerminal(root_fd, window));
  UniqueFd bind = TRY(CloneMount(console.peer.get(), "", /*recursive=*/false, "/dev/console"));
  UniqueFd target = TRY(OpenTarget(root_fd, "/dev/console", TargetKind::kFile));
  TRY(AttachMount(bind.get(), target.get(), "/dev/console"));
  return console;
}

Result<> AdoptConsole(int peer, uint32_t uid) {
  // The group stays the one that devpts gave it, tty's.
  if (fchown(peer, uid, static_cast<gid_t>(-1)) < 0) return SystemError("chown", "/dev/console");
  if (ioctl(peer, TIOCSCTTY, 0) < 0) return SystemError("TIOCSCTTY", "/dev/console");
  return {};
}

}  // namespace davit::shim
