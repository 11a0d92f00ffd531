// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Who reaches what the daemon and the shims listen on, and where it leads.

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "base/file_io.h"
#include "tests/e2e/host_objects.h"
#include "tests/e2e/pod_test.h"
#include "tests/e2e/stream_client.h"

namespace davit::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class Sockets : public PodTest {
 protected:
  static mode_t ModeOf(const std::string& path) {
    struct stat st{};
    EXPECT_EQ(lstat(path.c_str(), &st), 0) << path;
    return st.st_mode & 07777;
  }

  // The names of a process' abstract sockets, which have no mode (CVE-2020-15257).
  static std::vector<std::string> AbstractSocketsOf(pid_t pid) {
    std::set<std::string> own;
    for (const auto& fd : fs::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
      std::error_code closed_meanwhile;
      own.insert(fs::read_symlink(fd, closed_meanwhile));
    }
    std::vector<std::string> names;
    std::ifstream table("/proc/" + std::to_string(pid) + "/net/unix");
    for (std::string line; std::getline(table, line);) {
      std::istringstream fields(line);
      std::string skipped, inode, path;
      for (int i = 0; i < 6; ++i) fields >> skipped;
      fields >> inode >> path;
      if (path.starts_with('@') && own.contains("socket:[" + inode + "]")) names.push_back(path);
    }
    return names;
  }

  std::string ExecUrl(const std::string& container) {
    v1::ExecRequest request;
    request.set_container_id(container);
    request.add_cmd("true");
    request.set_stdout(true);
    return Must(cri().Ask(&RuntimeStub::Exec, request)).url();
  }
};

TEST_F(Sockets, AreFilesThatOnlyRootReaches) {
  RunIdle();
  const std::string state = instance().directory() + "/state";

  EXPECT_EQ(ModeOf(instance().socket()), 0660U);
  EXPECT_EQ(ModeOf(state + "/shims"), 0700U);
  EXPECT_EQ(ModeOf(state + "/exits"), 0700U);
  EXPECT_EQ(ModeOf(instance().directory() + "/root"), 0700U);
  EXPECT_THAT(AbstractSocketsOf(instance().pid()), IsEmpty());
  for (const auto& [sandbox, shim] : ShimsOf(instance())) {
    EXPECT_EQ(ModeOf(state + "/shims/" + sandbox), 0600U);
    EXPECT_THAT(AbstractSocketsOf(shim), IsEmpty());
  }
}

TEST_F(Sockets, AStreamIsServedOnLoopbackToOneClientOnce) {
  std::string url = ExecUrl(RunIdle());

  EXPECT_THAT(url, StartsWith("http://127.0.0.1:"));
  EXPECT_EQ(StreamClient(url, "v5.channel.k8s.io").status(), 101);
  EXPECT_EQ(StreamClient(url, "v5.channel.k8s.io").status(), 404);
}

TEST_F(Sockets, APortForwardReachesThePodsLoopbackAndNotTheHosts) {
  UniqueFd service(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(bind(service.get(), generic, size), 0);
  ASSERT_EQ(listen(service.get(), 1), 0);
  ASSERT_EQ(getsockname(service.get(), generic, &size), 0);
  v1::PortForwardRequest request;
  request.set_pod_sandbox_id(RunPod(PodConfig()));
  request.add_port(ntohs(address.sin_port));

  StreamClient client(Must(cri().Ask(&RuntimeStub::PortForward, request)).url(), "v4.channel.k8s.io");

  ASSERT_EQ(client.status(), 101);
  EXPECT_THAT(client.ReadUntil("refused"), HasSubstr("Connection refused"));
  pollfd incoming{service.get(), POLLIN, 0};
  EXPECT_EQ(poll(&incoming, 1, 0), 0);
}

TEST_F(Sockets, AShimRunsFromACopyThatNobodyCanChange) {
  constexpr int kSealed = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  RunIdle();

  for (const auto& [sandbox, shim] : ShimsOf(instance())) {
    UniqueFd program = OpenAt(AT_FDCWD, "/proc/" + std::to_string(shim) + "/exe", O_RDONLY).value();
    int seals = fcntl(program.get(), F_GET_SEALS);
    ASSERT_GE(seals, 0) << "it is a file of a disk";
    EXPECT_EQ(seals & kSealed, kSealed);
  }
}

TEST_F(Sockets, AShimInheritsNothingOfTheDaemonsEnvironment) {
  RunIdle();
  ASSERT_NE(ReadFile("/proc/" + std::to_string(instance().pid()) + "/environ").value(), "");

  for (const auto& [sandbox, shim] : ShimsOf(instance())) {
    std::string process = "/proc/" + std::to_string(shim);
    EXPECT_EQ(ReadFile(process + "/environ").value(), "");
    EXPECT_EQ(fs::read_symlink(process + "/cwd"), "/");
  }
}

}  // namespace
}  // namespace davit::e2e
