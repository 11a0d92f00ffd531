// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/entitlement.h"

#include <gmock/gmock.h>
#include <grp.h>
#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "api/davit/v1/davit.grpc.pb.h"
#include "base/unique_fd.h"
#include "cri/service/status_code.h"

namespace davit::cri {
namespace {

namespace api = ::davit::v1;

constexpr uid_t kOwner = 12'001, kMember = 12'002, kStranger = 12'003;
constexpr gid_t kGroup = 12'100, kOtherGroup = 12'101;

struct Pair {
  UniqueFd ours;
  UniqueFd theirs;
};

Pair SocketPair() {
  int ends[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

class Entitlement : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: it makes sockets as other users";
    ASSERT_EQ(chown(path_.c_str(), kOwner, kGroup), 0);
    Mode(0660);
  }
  ~Entitlement() override { unlink(path_.c_str()); }

  void Mode(mode_t mode) { ASSERT_EQ(chmod(path_.c_str(), mode), 0); }

  // Whether a process with these ids may use the API. The ids are those of one thread (the wrappers of glibc
  // would change the whole process).
  bool May(uid_t user, gid_t group, const std::vector<gid_t>& more = {}) {
    Pair pair;
    std::thread([&] {
      syscall(SYS_setgroups, more.size(), more.data());
      syscall(SYS_setresgid, group, group, -1);
      syscall(SYS_setresuid, user, user, -1);
      pair = SocketPair();
    }).join();
    return MayUseOwnApi(pair.ours.get(), path_);
  }

  static std::string MakeFile() {
    char path[] = "/tmp/davit-entitlement-XXXXXX";
    UniqueFd file(mkstemp(path));
    return path;
  }
  std::string path_ = MakeFile();  // any file has an owner and a mode
};

TEST_F(Entitlement, IsRootsTheOwnersAndTheGroups) {
  EXPECT_TRUE(May(0, 0));
  EXPECT_TRUE(May(kOwner, kOtherGroup));
  EXPECT_TRUE(May(kMember, kGroup));
  EXPECT_TRUE(May(kMember, kOtherGroup, {kOtherGroup, kGroup}));
  EXPECT_FALSE(May(kStranger, kOtherGroup, {kOtherGroup}));
  EXPECT_FALSE(May(kStranger, kOtherGroup));
}

TEST_F(Entitlement, IsNotOfAGroupThatMayNotWriteNorOfEverybody) {
  Mode(0606);
  EXPECT_FALSE(May(kMember, kGroup));
  EXPECT_FALSE(May(kStranger, kOtherGroup));
  EXPECT_TRUE(May(kOwner, kOtherGroup));
}

TEST_F(Entitlement, IsRootsAloneWithoutAFile) {
  unlink(path_.c_str());
  EXPECT_TRUE(May(0, 0));
  EXPECT_FALSE(May(kOwner, kGroup));
}

class GuardedImages final : public api::Images::Service {
 public:
  grpc::Status Tag(grpc::ServerContext* context, const api::TagImageRequest*,
                   api::TagImageResponse*) override {
    Result<> entitled = RequireEntitled(*context);
    return entitled ? grpc::Status::OK : ToGrpcStatus(entitled.error());
  }
};

// A call over a connection that was given to the acceptor with these credentials.
grpc::Status CallThrough(std::shared_ptr<grpc::ServerCredentials> credentials) {
  GuardedImages service;
  grpc::ServerBuilder builder;
  auto acceptor = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, std::move(credentials));
  builder.RegisterService(&service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  Pair pair = SocketPair();
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
  connection.listener_fd = -1;
  connection.fd = pair.ours.Release();
  acceptor->HandleNewConnection(&connection);
  auto stub = api::Images::NewStub(grpc::CreateInsecureChannelFromFd("", pair.theirs.Release()));
  grpc::ClientContext context;
  api::TagImageResponse response;
  grpc::Status status = stub->Tag(&context, api::TagImageRequest(), &response);
  server->Shutdown();
  return status;
}

TEST(EntitlementOfCalls, IsThatOfTheirConnection) {
  EXPECT_TRUE(CallThrough(EntitledCredentials()).ok());
  EXPECT_EQ(CallThrough(grpc::InsecureServerCredentials()).error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

}  // namespace
}  // namespace davit::cri
