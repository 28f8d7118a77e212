use circuits_uart::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::ports;

#[test]
fn tokio_reads_writes_and_flushes() {
    // Without tokio's I/O and time: they are not needed.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async {
        let (here, mut there) = ports(&Config::new());
        let echo = tokio::spawn(async move {
            let (mut buffer, mut left) = ([0; 1000], 100_000);
            while left > 0 {
                let count = there.read(&mut buffer).await.unwrap();
                there.write_all(&buffer[..count]).await.unwrap();
                left -= count;
            }
            there.shutdown().await.unwrap();
        });
        let (mut reader, mut writer) = here.split();
        let sent: Vec<u8> = (0..100_000).map(|number| (number / 3) as u8).collect();
        let bytes = sent.clone();
        let sends = tokio::spawn(async move {
            writer.write_all(&bytes).await.unwrap();
            writer.flush().await.unwrap();
        });
        let mut received = vec![0; sent.len()];
        reader.read_exact(&mut received).await.unwrap();
        assert!(received == sent);
        sends.await.unwrap();
        echo.await.unwrap();
    });
}
