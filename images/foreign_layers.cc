// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/foreign_layers.h"

#include <ranges>

#include "images/digest.h"
#include "images/registry_host.h"
#include "images/url.h"

namespace davit::images {
namespace {

constexpr int kMaxRedirects = 10;
constexpr size_t kMaxUrls = 8;  // that are tried

std::unexpected<Error> Refuse(const std::string& host, Code code, const std::string& why) {
  return Fail(code, "fetch foreign layer", host, why);
}

// Passes the blob on, and notes its size and digest.
class DigestedBody : public BodySink {
 public:
  DigestedBody(BlobSink& sink, Hasher hasher, int64_t limit)
      : sink_(sink), hasher_(std::move(hasher)), limit_(limit) {}

  Result<> Write(std::string_view piece) override {
    size_ += static_cast<int64_t>(piece.size());
    if (size_ > limit_) return Refuse("", Code::kDataLoss, "is longer than the manifest says");
    hasher_.Update(piece);
    return sink_.Write(piece);
  }

  Result<> Verify(const Descriptor& descriptor) {
    std::string digest = hasher_.Finish();
    if (size_ == descriptor.size && digest == descriptor.digest) return {};
    return Refuse("", Code::kDataLoss, "has " + std::to_string(size_) + " bytes and digest " + digest);
  }

 private:
  BlobSink& sink_;
  Hasher hasher_;
  const int64_t limit_;
  int64_t size_ = 0;
};

// Keeps the error of the sink: another URL cannot help then.
class WatchedSink : public BlobSink {
 public:
  explicit WatchedSink(BlobSink& sink) : sink_(sink) {}
  Result<> Begin() override { return Note(sink_.Begin()); }
  Result<> Write(std::string_view piece) override { return Note(sink_.Write(piece)); }
  bool failed() const { return failed_; }

 private:
  Result<> Note(Result<> result) {
    failed_ = failed_ || !result;
    return result;
  }
  BlobSink& sink_;
  bool failed_ = false;
};

}  // namespace

Result<> ForeignLayers::FetchBlob(const Descriptor& descriptor, BlobSink& sink, const Interrupt& interrupt) {
  Result<> fetched = Refuse(descriptor.digest, Code::kNotFound, "its descriptor has no URL");
  WatchedSink watched(sink);
  for (const std::string& address : descriptor.urls | std::views::take(kMaxUrls)) {
    TRY(interrupt.Check());
    fetched = FetchFrom(address, descriptor, watched, interrupt);
    if (fetched || watched.failed()) return fetched;
  }
  return fetched;
}

Result<> ForeignLayers::FetchFrom(const std::string& address, const Descriptor& descriptor, BlobSink& sink,
                                  const Interrupt& interrupt) {
  Url url = TRY(ParseUrl(address));
  TRY(sink.Begin());
  DigestedBody body(sink, TRY(Hasher::For(descriptor.digest)), descriptor.size);
  auto verified = [&]() -> Result<> {
    HttpResponse response = TRY(GetFollowing(url, body, interrupt));
    if (response.not_tls) return Refuse("", Code::kUnavailable, "does not speak TLS");
    if (response.status == 404) return Refuse("", Code::kNotFound, "answered 404");
    if (response.status != 200)
      return Refuse("", Code::kUnavailable, "answered " + std::to_string(response.status));
    return body.Verify(descriptor);
  }();
  if (!verified && verified.error().subject.empty()) {
    Error error = std::move(verified).error();
    error.subject = url.host;
    return std::unexpected(std::move(error));
  }
  return verified;
}

Result<HttpResponse> ForeignLayers::GetFollowing(Url url, BodySink& sink, const Interrupt& interrupt) {
  for (int hops = 0; hops <= kMaxRedirects; ++hops) {
    if (url.scheme != "https") return Refuse(url.host, Code::kInvalidArgument, "its URL is not https");
    ClientTls tls = TRY(TlsFor(url));
    OutgoingRequest request;
    request.url = url;
    request.tls = &tls;
    HttpResponse response = TRY(http_.Send(request, interrupt, &sink));
    std::string location = response.Header("location");
    if (response.status < 300 || response.status >= 400 || location.empty()) return response;
    url = TRY(ResolveUrl(url, location));
  }
  return Refuse(url.host, Code::kUnavailable, "redirects too often");
}

Result<ClientTls> ForeignLayers::TlsFor(const Url& url) const {
  std::string authority = url.port == "443" ? url.host : url.host + ":" + url.port;
  for (const RegistryHost& entry : TRY(RegistryHostsFor(authority, certs_d_))) {
    if (entry.host == authority && entry.scheme == "https") return LoadTls(entry.tls);
  }
  return ClientTls();
}

}  // namespace davit::images
