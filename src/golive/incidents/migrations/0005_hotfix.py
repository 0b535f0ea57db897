from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('incidents', '0004_watchdog'),
    ]

    operations = [
        migrations.AddField(
            model_name='incident',
            name='hotfix_branch',
            field=models.CharField(blank=True, max_length=60),
        ),
    ]
