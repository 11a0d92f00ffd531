// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/entitlement.h"

#include <grpc/grpc_security_constants.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace davit::cri {
namespace {

// The property of an auth context that gRPC sets, and its value for local credentials.
constexpr char kSecurityType[] = GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME;
constexpr char kLocal[] = "local";

struct Peer {
  uid_t user = 0;
  std::vector<gid_t> groups;
};

std::optional<Peer> PeerOf(int connection) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0) return std::nullopt;
  Peer peer{credentials.uid, {}};
  // The number of groups is at most NGROUPS_MAX, 65536.
  socklen_t bytes = 0;
  if (getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, nullptr, &bytes) < 0 && errno == ERANGE) {
    peer.groups.resize(bytes / sizeof(gid_t));
    if (getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &bytes) < 0)
      return std::nullopt;
  }
  peer.groups.push_back(credentials.gid);
  return peer;
}

}  // namespace

bool MayUseOwnApi(int connection, const std::string& path) {
  std::optional<Peer> peer = PeerOf(connection);
  if (!peer) return false;
  if (peer->user == 0) return true;
  struct stat file{};
  if (stat(path.c_str(), &file) < 0) return false;
  if (peer->user == file.st_uid) return true;
  return (file.st_mode & S_IWGRP) != 0 && std::ranges::find(peer->groups, file.st_gid) != peer->groups.end();
}

std::shared_ptr<grpc::ServerCredentials> EntitledCredentials() {
  return grpc::experimental::LocalServerCredentials(UDS);
}

Result<> RequireEntitled(const grpc::ServerContext& context) {
  std::shared_ptr<const grpc::AuthContext> connection = context.auth_context();
  for (const grpc::string_ref& type : connection->FindPropertyValues(kSecurityType)) {
    if (type == kLocal) return {};
  }
  return Fail(Code::kPermissionDenied, "authorize", "davit.v1",
              "only root and the group of the socket's file may use it");
}

}  // namespace davit::cri
