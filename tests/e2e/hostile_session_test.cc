// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>

#include "api/davit/v1/sessions.grpc.pb.h"
#include "base/codec.h"
#include "base/frame.h"
#include "base/unique_fd.h"
#include "shim/protocol.h"
#include "shim/session.h"
#include "tests/e2e/session_fixture.h"

namespace davit::e2e {
namespace {

namespace api = ::davit::v1;
using ::testing::HasSubstr;

// What a hostile client may try at the session socket. The daemon gives out descriptors, and takes none.
class HostileSessions : public Sessions {
 protected:
  UniqueFd Connect() {
    UniqueFd connection(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string path = instance().socket() + ".sessions";
    std::memcpy(address.sun_path, path.c_str(), path.size());
    if (connect(connection.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) return {};
    timeval patience{20, 0};
    setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return connection;
  }
  static std::string TokenOf(const UniqueFd& connection) {
    auto frame = ReceiveFrame(connection.get());
    if (!frame || frame->type != static_cast<uint32_t>(shim::SessionMessage::kToken)) return "";
    return Decode<shim::SessionToken>(frame->payload, "token").value_or(shim::SessionToken{}).token;
  }
  grpc::Status Exec(const std::string& token, const std::vector<std::string>& command = {"true"}) {
    api::SessionsExecRequest request;
    request.set_token(token);
    request.set_container(id_);
    for (const std::string& word : command) request.add_command(word);
    return Exec(request);
  }
  grpc::Status Exec(const api::SessionsExecRequest& request) {
    auto stub = api::Sessions::NewStub(
        grpc::CreateChannel("unix://" + instance().socket(), grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    api::SessionsExecResponse response;
    return stub->Exec(&context, request, &response);
  }
  size_t DaemonsDescriptors() {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(instance().pid()) + "/fd"))
      ++count;
    return count;
  }
};

TEST_F(HostileSessions, ATokenIsGoodForOneCall) {
  UniqueFd connection = Connect();
  std::string token = TokenOf(connection);
  ASSERT_EQ(token.size(), 32U);
  EXPECT_TRUE(Exec(token).ok());
  EXPECT_EQ(Exec(token).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Exec(std::string(32, '0')).error_code(), grpc::StatusCode::NOT_FOUND);
  connection = Connect();
  token = TokenOf(connection);
  connection.Reset();
  WaitUntil("the token has gone with its connection",
            [&] { return Exec(token).error_code() == grpc::StatusCode::NOT_FOUND; });
}

TEST_F(HostileSessions, ConnectionsWithoutACallAreLimitedAndEnd) {
  size_t before = DaemonsDescriptors();
  std::vector<UniqueFd> connections;
  size_t accepted = 0;
  for (int i = 0; i < 200; ++i) {
    connections.push_back(Connect());
    accepted += TokenOf(connections.back()).empty() ? 0 : 1;
  }
  EXPECT_LE(accepted, 32U);
  EXPECT_GT(accepted, 0U);
  EXPECT_LE(DaemonsDescriptors(), before + 40);
  WaitUntil("they have expired", [&] { return !TokenOf(Connect()).empty(); });
  connections.clear();
  WaitUntil("nothing is left", [&] { return DaemonsDescriptors() <= before + 4; });
}

TEST_F(HostileSessions, DescriptorsAndGarbageAreIgnored) {
  size_t before = DaemonsDescriptors();
  UniqueFd connection = Connect();
  std::string token = TokenOf(connection);
  std::vector<RoleFd> many(200, RoleFd(shim::FdRole::kStdin, STDIN_FILENO));
  ASSERT_TRUE(SendFrame(connection.get(), 63, 0, "x", many));
  ASSERT_EQ(send(connection.get(), "\xff", 1, MSG_NOSIGNAL), 1);
  EXPECT_TRUE(Exec(token, {"sh", "-c", "exit 5"}).ok());
  auto streams = ReceiveFrame(connection.get());
  ASSERT_TRUE(streams && streams->type == static_cast<uint32_t>(shim::SessionMessage::kStreams));
  EXPECT_EQ(streams->fds.size(), 2U);
  for (;;) {
    auto frame = ReceiveFrame(connection.get());
    ASSERT_TRUE(frame) << frame.error().ToString();
    if (frame->type != static_cast<uint32_t>(shim::ShimMessage::kExecExited)) continue;
    EXPECT_EQ(Decode<shim::ExecExited>(frame->payload, "exit")->exit_code, 5);
    break;
  }
  WaitUntil("nothing is left", [&] { return DaemonsDescriptors() <= before + 4; });
}

TEST_F(HostileSessions, FieldsHaveLimits) {
  UniqueFd connection = Connect();
  api::SessionsExecRequest request;
  request.set_token(TokenOf(connection));
  request.set_container(id_);
  auto expect_refused = [&](const char* field) {
    grpc::Status status = Exec(request);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << field;
    EXPECT_THAT(status.error_message(), HasSubstr(field));
  };
  expect_refused("command");
  request.add_command(std::string(65'537, 'x'));
  expect_refused("command");
  request.clear_command();
  for (int i = 0; i < 1001; ++i) request.add_command("x");
  expect_refused("command");
  request.clear_command();
  request.add_command("true");
  request.mutable_terminal()->set_rows(65'536);
  expect_refused("terminal");
  request.clear_terminal();
  std::string token = request.token();
  request.set_token(std::string(65, 'x'));
  expect_refused("token");
  request.set_token(token);
  request.set_container(std::string(256, 'x'));
  expect_refused("container");
  request.set_container("nobody");
  EXPECT_EQ(Exec(request).error_code(), grpc::StatusCode::NOT_FOUND);
  request.set_container(id_);
  EXPECT_TRUE(Exec(request).ok()) << "the token was not used by calls that were refused";
}

TEST_F(HostileSessions, OtherUsersCannotConnect) {
  struct stat sessions{}, socket{};
  ASSERT_EQ(stat((instance().socket() + ".sessions").c_str(), &sessions), 0);
  ASSERT_EQ(stat(instance().socket().c_str(), &socket), 0);
  EXPECT_EQ(sessions.st_mode, socket.st_mode);
  EXPECT_EQ(sessions.st_gid, socket.st_gid);
  ASSERT_EQ(chmod((instance().socket() + ".sessions").c_str(), 0666), 0);  // as a mistake would leave it
  pid_t stranger = fork();
  if (stranger == 0) {
    if (setgid(12'345) != 0 || setuid(12'345) != 0) _exit(9);
    UniqueFd connection = Connect();
    _exit(!connection || TokenOf(connection).empty() ? 0 : 1);
  }
  int status = 0;
  waitpid(stranger, &status, 0);
  EXPECT_EQ(status, 0) << "accepted, or another problem";
  chmod((instance().socket() + ".sessions").c_str(), sessions.st_mode & 07777);
}

}  // namespace
}  // namespace davit::e2e
