//! Asking a STUN or TURN server whether it does what it is configured for (RFC 8489 and 8656): the operator's check before people depend on it.

use app::consultation::api::IceServer;
use std::{net::SocketAddr, time::Duration};
use stun_types::{
    attribute::{AttributeType, ErrorCode, Nonce, RawAttribute, Realm, Username},
    message::{BINDING, IntegrityAlgorithm, LongTermCredentials, Message, MessageClass, MessageWriteVec, Method},
    prelude::*,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket, lookup_host},
    time::timeout,
};

/// How long an answer may take; a datagram is sent again after a third of it.
const PATIENCE: Duration = Duration::from_secs(3);
const AGAIN: Duration = Duration::from_secs(1);
/// Asks for a relayed address.
const ALLOCATE: Method = Method::new(0x003);
/// What the relayed address is for, and the number of UDP in it.
const REQUESTED_TRANSPORT: AttributeType = AttributeType::new(0x0019);
const UDP: [u8; 4] = [17, 0, 0, 0];
/// The ports of STUN and TURN, in the clear and over TLS.
const PORT: u16 = 3478;
const PORT_TLS: u16 = 5349;

/// An address as the configuration has it: `turn:host:3478?transport=tcp`.
struct Url {
    relay: bool,
    tls: bool,
    tcp: bool,
    host: String,
}

impl Url {
    fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once(':').ok_or("not an address")?;
        let (relay, tls) = match scheme {
            "stun" => (false, false),
            "stuns" => (false, true),
            "turn" => (true, false),
            "turns" => (true, true),
            _ => return Err("an address begins with stun:, stuns:, turn: or turns:".into()),
        };
        let (host, query) = rest.split_once('?').unwrap_or((rest, ""));
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let host = if has_port { host.to_owned() } else { format!("{host}:{}", if tls { PORT_TLS } else { PORT }) };
        Ok(Url { relay, tls, tcp: tls || query == "transport=tcp", host })
    }
}

/// A line to a server.
enum Line {
    Udp(UdpSocket),
    Tcp(TcpStream),
}

impl Line {
    async fn open(to: SocketAddr, tcp: bool) -> std::io::Result<Self> {
        if tcp {
            return Ok(Line::Tcp(TcpStream::connect(to).await?));
        }
        let any: SocketAddr = if to.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
        let socket = UdpSocket::bind(any).await?;
        socket.connect(to).await?;
        Ok(Line::Udp(socket))
    }

    async fn ask(&mut self, request: &[u8]) -> std::io::Result<Vec<u8>> {
        match self {
            Line::Udp(socket) => loop {
                socket.send(request).await?;
                let mut answer = vec![0; 1_500];
                if let Ok(length) = timeout(AGAIN, socket.recv(&mut answer)).await {
                    answer.truncate(length?);
                    return Ok(answer);
                }
            },
            Line::Tcp(stream) => {
                stream.write_all(request).await?;
                let mut answer = vec![0; 20];
                stream.read_exact(&mut answer).await?;
                // The length of what follows the head stands in its third and fourth byte.
                let more = answer.get(2..4).and_then(|two| two.try_into().ok()).map_or(0, u16::from_be_bytes);
                answer.resize(20_usize.saturating_add(more.into()), 0);
                stream.read_exact(answer.get_mut(20..).unwrap_or_default()).await?;
                Ok(answer)
            }
        }
    }
}

/// What a server says when it is asked to do what its address promises: `Ok` with a word of praise, `Err` with what is wrong and what to do.
pub async fn ask(url: &str, server: &IceServer) -> Result<String, String> {
    let found = Url::parse(url)?;
    match timeout(PATIENCE, found.try_out(server)).await {
        Ok(said) => said,
        Err(_) => Err("no answer within 3 s: is it running, and does the firewall let this port through?".into()),
    }
}

impl Url {
    async fn try_out(&self, server: &IceServer) -> Result<String, String> {
        let broken = |error: std::io::Error| format!("cannot be reached: {error}");
        let to = lookup_host(&self.host).await.map_err(broken)?.next().ok_or("its name has no address")?;
        let mut line = Line::open(to, self.tcp).await.map_err(broken)?;
        if self.tls {
            return Ok("takes connections; what it says over TLS is not looked at".into());
        }
        if !self.relay {
            let answer = line.ask(&Message::builder_request(BINDING, MessageWriteVec::new()).finish()).await.map_err(broken)?;
            return read(&answer)?.map(|()| "answers".into()).map_err(|refused| refused.words());
        }
        let first = line.ask(&allocation(None)?).await.map_err(broken)?;
        let challenge = match read(&first)? {
            Ok(_) => return Err("gives a relay to everybody: set use-auth-secret, or strangers will use it".into()),
            Err(challenge) => challenge,
        };
        let Challenge { realm: Some(realm), nonce: Some(nonce), .. } = challenge else { return Err(challenge.words()) };
        let second = line.ask(&allocation(Some((server, &realm, &nonce)))?).await.map_err(broken)?;
        match read(&second)? {
            Ok(()) => Ok("relays, by the names that we make".into()),
            Err(Challenge { code: 401, .. }) => {
                Err("refuses the names that we make: calls.turn_secret must be its static-auth-secret, and both clocks right".into())
            }
            Err(refused) => Err(refused.words()),
        }
    }
}

/// A refusal, and what it asks for.
struct Challenge {
    code: u16,
    reason: String,
    realm: Option<String>,
    nonce: Option<String>,
}

impl Challenge {
    fn words(&self) -> String {
        format!("refuses: {} {}", self.code, self.reason)
    }
}

fn allocation(by: Option<(&IceServer, &str, &str)>) -> Result<Vec<u8>, String> {
    let unfit = |error: stun_types::message::StunWriteError| format!("our own request is unfit: {error}");
    let mut request = Message::builder_request(ALLOCATE, MessageWriteVec::new());
    request.add_attribute(&RawAttribute::new(REQUESTED_TRANSPORT, &UDP)).map_err(unfit)?;
    if let Some((server, realm, nonce)) = by {
        request.add_attribute(&Username::new(&server.username).map_err(unfit)?).map_err(unfit)?;
        request.add_attribute(&Realm::new(realm).map_err(unfit)?).map_err(unfit)?;
        request.add_attribute(&Nonce::new(nonce).map_err(unfit)?).map_err(unfit)?;
        let credentials = LongTermCredentials::new(server.username.clone(), server.credential.clone()).to_key(realm.to_owned());
        request.add_message_integrity(&credentials.into(), IntegrityAlgorithm::Sha1).map_err(unfit)?;
    }
    Ok(request.finish())
}

/// What an answer says.
fn read(answer: &[u8]) -> Result<Result<(), Challenge>, String> {
    let answer = Message::from_bytes(answer).map_err(|error| format!("answers something else than STUN: {error}"))?;
    if answer.has_class(MessageClass::Success) {
        return Ok(Ok(()));
    }
    let error = answer.attribute::<ErrorCode>();
    Ok(Err(Challenge {
        code: error.as_ref().map_or(0, ErrorCode::code),
        reason: error.as_ref().map(|error| error.reason().to_owned()).unwrap_or_default(),
        realm: answer.attribute::<Realm>().ok().map(|realm| realm.realm().to_owned()),
        nonce: answer.attribute::<Nonce>().ok().map(|nonce| nonce.nonce().to_owned()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_understood() {
        let of = |url: &str| Url::parse(url).map(|u| (u.relay, u.tls, u.tcp, u.host)).unwrap();
        assert_eq!(of("stun:a.example"), (false, false, false, "a.example:3478".into()));
        assert_eq!(of("turn:a.example:99?transport=tcp"), (true, false, true, "a.example:99".into()));
        assert_eq!(of("turns:a.example"), (true, true, true, "a.example:5349".into()));
        assert_eq!(of("turn:[::1]:7"), (true, false, false, "[::1]:7".into()));
        assert!(Url::parse("http://a").is_err() && Url::parse("a").is_err());
    }

    #[tokio::test]
    async fn silence_and_nonsense_are_told() {
        let server = IceServer { urls: vec![], username: "1:a".into(), credential: "x".into() };
        let mute = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let said = ask(&format!("turn:{}", mute.local_addr().unwrap()), &server).await;
        assert!(said.unwrap_err().contains("no answer"));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let answering = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
            stream
        });
        let said = ask(&format!("turn:{at}?transport=tcp"), &server).await;
        assert!(said.is_err(), "{said:?}");
        drop(answering.await.unwrap());
        assert!(ask("stun:127.0.0.1:1?transport=tcp", &server).await.unwrap_err().contains("cannot be reached"));
    }
}
