// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/netlink.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/time.h"

namespace davit::cni {
namespace {

constexpr int kDumpAttempts = 8;

std::vector<const nlattr*> Collect(const nlattr* first, size_t length, uint16_t max) {
  std::vector<const nlattr*> attributes(max + 1, nullptr);
  const nlattr* attribute = first;
  auto left = static_cast<int>(length);
  while (mnl_attr_ok(attribute, left)) {
    if (mnl_attr_get_type(attribute) <= max) attributes[mnl_attr_get_type(attribute)] = attribute;
    left -= MNL_ALIGN(attribute->nla_len);
    attribute = mnl_attr_next(attribute);
  }
  return attributes;
}

// The kernel's own words about a failed request (NETLINK_EXT_ACK), behind the request's header.
std::string ExtendedMessage(const nlmsghdr* message) {
  if ((message->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  size_t offset = sizeof(nlmsgerr);
  const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
  if ((message->nlmsg_flags & NLM_F_CAPPED) == 0)
    offset += MNL_ALIGN(error->msg.nlmsg_len) - sizeof(nlmsghdr);
  if (offset > mnl_nlmsg_get_payload_len(message)) return {};
  return AttributeText(ParseAttributes(message, offset, NLMSGERR_ATTR_MSG)[NLMSGERR_ATTR_MSG]);
}

}  // namespace

nlmsghdr* NetlinkBatch::Add(const char* step, uint16_t type, uint16_t flags, size_t header_bytes) {
  open_ = Close();
  buffer_.resize(open_ + kMaxMessageBytes);
  nlmsghdr* message = mnl_nlmsg_put_header(buffer_.data() + open_);
  message->nlmsg_type = type;
  message->nlmsg_flags = flags | NLM_F_REQUEST;
  mnl_nlmsg_put_extra_header(message, header_bytes);
  steps_.push_back(step);
  return message;
}

size_t NetlinkBatch::Close() {
  if (steps_.empty()) return 0;
  return open_ + MNL_ALIGN(reinterpret_cast<const nlmsghdr*>(buffer_.data() + open_)->nlmsg_len);
}

Result<NetlinkSocket> NetlinkSocket::Open(int protocol) {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd) return SystemError("open netlink socket", std::to_string(protocol));
  // Both exist since Linux 4.12; without them errors are only less clear.
  int on = 1;
  setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
    return SystemError("bind netlink socket", std::to_string(protocol));
  return NetlinkSocket(std::move(fd));
}

Result<> NetlinkSocket::Execute(NetlinkBatch& batch, const std::function<void(const nlmsghdr*)>& on_reply) {
  return TRY(Exchange(batch, on_reply)).outcome;
}

Result<> NetlinkSocket::Dump(NetlinkBatch& batch, const std::function<void(const nlmsghdr*)>& on_reply,
                             const std::function<void()>& on_restart) {
  for (int attempt = 0; attempt < kDumpAttempts; ++attempt) {
    Answers answers = TRY(Exchange(batch, on_reply));
    if (!answers.outcome || !answers.inconsistent) return answers.outcome;
    on_restart();
  }
  return std::unexpected(Error{Code::kUnavailable, EINTR, "netlink", batch.steps_.front(),
                               "the kernel's tables change too fast to be read"});
}

Result<> NetlinkSocket::Subscribe(int group) {
  if (setsockopt(fd_.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
    return SystemError("subscribe to netlink group", std::to_string(group));
  return {};
}

uint32_t NetlinkSocket::port_id() const {
  sockaddr_nl address{};
  socklen_t length = sizeof address;
  getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return address.nl_pid;
}

Result<bool> NetlinkSocket::ReadEvents(const std::function<void(const nlmsghdr*)>& on_event) {
  bool complete = true;
  while (true) {
    ssize_t received = recv(fd_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0 && errno == EAGAIN) return complete;
    if (received < 0 && errno != ENOBUFS) return SystemError("receive netlink", "events");
    if (received < 0 || static_cast<size_t>(received) > buffer_.size()) {
      complete = false;
      continue;
    }
    auto left = static_cast<int>(received);
    for (auto* m = reinterpret_cast<nlmsghdr*>(buffer_.data()); mnl_nlmsg_ok(m, left);
         m = mnl_nlmsg_next(m, &left))
      on_event(m);
  }
}

Result<> NetlinkSocket::SetFilter(std::span<const sock_filter> program) {
  sock_fprog filter{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
  if (setsockopt(fd_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0)
    return SystemError("setsockopt", "SO_ATTACH_FILTER");
  return {};
}

void NetlinkSocket::SetReceiveBuffer(int bytes) {
  setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
}

// One send(2) must fit into the socket's buffer (net.core.wmem_default, 212,992 bytes as a rule). Without
// CAP_NET_ADMIN it stays as it is, and send(2) says so.
void NetlinkSocket::MakeRoomToSend(size_t bytes) {
  constexpr size_t kFits = 100'000;
  if (bytes < kFits) return;
  int twice = static_cast<int>(std::min<size_t>(2 * bytes, 1 << 30));
  setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &twice, sizeof twice);
}

Result<bool> NetlinkSocket::WaitForEvent(int64_t deadline_ms) {
  pollfd wait{fd_.get(), POLLIN, 0};
  int64_t left = std::max<int64_t>(deadline_ms - MonotonicMilliseconds(), 0);
  int ready = poll(&wait, 1, static_cast<int>(left));
  if (ready < 0 && errno != EINTR) return SystemError("poll", "netlink");
  // Whether it was read or too much for the queue (ENOBUFS): something has happened.
  while (recv(fd_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT) > 0) continue;
  return ready != 0;
}

Result<NetlinkSocket::Answers> NetlinkSocket::Exchange(NetlinkBatch& batch,
                                                       const std::function<void(const nlmsghdr*)>& on_reply) {
  Answers answers;
  if (batch.empty()) return answers;
  size_t length = batch.Close();
  uint32_t first_seq = seq_ + 1;
  for (size_t at = 0; at < length;) {
    auto* message = reinterpret_cast<nlmsghdr*>(batch.buffer_.data() + at);
    message->nlmsg_seq = ++seq_;
    at += MNL_ALIGN(message->nlmsg_len);
  }
  MakeRoomToSend(length);
  if (send(fd_.get(), batch.buffer_.data(), length, 0) < 0)
    return SystemError("send netlink", batch.steps_.front());

  // The kernel works inside send(2), and goes on with a dump inside recv(2): an empty queue means that all is
  // said.
  while (true) {
    ssize_t received = recv(fd_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0 && errno == EAGAIN) break;
    if (received < 0) return SystemError("receive netlink", batch.steps_.front());
    if (static_cast<size_t>(received) > buffer_.size())
      return Fail(Code::kInternal, "receive netlink", batch.steps_.front(), "a message is too long");
    auto left = static_cast<int>(received);
    for (auto* m = reinterpret_cast<nlmsghdr*>(buffer_.data()); mnl_nlmsg_ok(m, left);
         m = mnl_nlmsg_next(m, &left))
      Take(m, batch, first_seq, &answers, on_reply);
  }
  if (answers.outcome && answers.acknowledged == 0)
    return Fail(Code::kInternal, "receive netlink", batch.steps_.front(), "the kernel did not answer");
  return answers;
}

void NetlinkSocket::Take(const nlmsghdr* message, const NetlinkBatch& batch, uint32_t first_seq,
                         Answers* answers, const std::function<void(const nlmsghdr*)>& on_reply) {
  size_t index = message->nlmsg_seq - first_seq;
  if (index >= batch.steps_.size()) return;  // left over from an exchange that was given up
  if (message->nlmsg_flags & NLM_F_DUMP_INTR) answers->inconsistent = true;
  if (message->nlmsg_type != NLMSG_ERROR && message->nlmsg_type != NLMSG_DONE) {
    if (on_reply) on_reply(message);
    return;
  }
  ++answers->acknowledged;
  if (mnl_nlmsg_get_payload_len(message) < sizeof(int)) return;
  int error = -*static_cast<const int*>(mnl_nlmsg_get_payload(message));
  if (error == 0 || !answers->outcome) return;
  answers->outcome = SystemError("netlink", batch.steps_[index], error);
  if (message->nlmsg_type == NLMSG_ERROR) answers->outcome.error().context = ExtendedMessage(message);
}

std::vector<const nlattr*> ParseAttributes(const nlmsghdr* message, size_t offset, uint16_t max) {
  size_t length = mnl_nlmsg_get_payload_len(message);
  if (length < offset) return std::vector<const nlattr*>(max + 1, nullptr);
  return Collect(static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(message, offset)),
                 length - std::min<size_t>(length, MNL_ALIGN(offset)), max);
}

std::vector<const nlattr*> ParseNested(const nlattr* nest, uint16_t max) {
  if (nest == nullptr) return std::vector<const nlattr*>(max + 1, nullptr);
  return Collect(static_cast<const nlattr*>(mnl_attr_get_payload(nest)), mnl_attr_get_payload_len(nest), max);
}

std::string_view AttributeBytes(const nlattr* attribute) {
  if (attribute == nullptr) return {};
  return {static_cast<const char*>(mnl_attr_get_payload(attribute)), mnl_attr_get_payload_len(attribute)};
}

std::string AttributeText(const nlattr* attribute) {
  std::string_view bytes = AttributeBytes(attribute);
  return std::string(bytes.substr(0, bytes.find('\0')));
}

uint32_t AttributeU32(const nlattr* attribute) {
  if (attribute == nullptr || mnl_attr_get_payload_len(attribute) != sizeof(uint32_t)) return 0;
  return mnl_attr_get_u32(attribute);
}

Result<> Unless(Result<> result, int ignored_errno) {
  if (!result && result.error().os_errno == ignored_errno) return {};
  return result;
}

}  // namespace davit::cni
